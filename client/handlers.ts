// Runs the handler of a consumer, as many at a time as it may, and says of each message what came of it. Knows no frames.

import { BrokerError } from '../broker/ground/errors.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { Lease } from './lease.ts'
import type { QueuedMessage } from './queued-message.ts'
import type { ClientTracing } from './tracing.ts'

type Work = [QueuedMessage, Lease]

export interface HandlersOptions {
  readonly onMessage: (message: QueuedMessage) => void | Promise<void>
  readonly concurrency: number
  /** A handler that returns says nothing. */
  readonly isManual: boolean
}

export interface HandlersParts {
  /** The next message, when there is one. */
  readonly take: () => Work | undefined
  readonly tracing: ClientTracing | undefined
  readonly problem: (error: BrokerError) => void
}

export class Handlers {
  readonly #options: HandlersOptions
  readonly #parts: HandlersParts
  #running = 0
  #isBeginning = false
  #idle: Deferred<void> | undefined

  constructor(options: HandlersOptions, parts: HandlersParts) {
    this.#options = options
    this.#parts = parts
  }

  /** Handles what waits, up to the limit. */
  begin(): void {
    // Handlers that are done at once would otherwise call each other, as deep as there are messages.
    if (this.#isBeginning) return
    this.#isBeginning = true
    while (this.#running < this.#options.concurrency) {
      const work = this.#parts.take()
      if (work === undefined) break
      this.#running++
      if (this.#parts.tracing === undefined) this.#run(work)
      else void this.#runTraced(work, this.#parts.tracing)
    }
    this.#isBeginning = false
  }

  /** Resolves when none runs. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    this.#idle ??= deferred()
    return this.#idle.promise
  }

  #run(work: Work): void {
    try {
      const outcome = this.#options.onMessage(work[0])
      if (outcome === undefined) this.#returned(work)
      else outcome.then(() => this.#returned(work), (error: unknown) => this.#threw(work, error))
    } catch (error) {
      this.#threw(work, error)
    }
  }

  async #runTraced(work: Work, tracing: ClientTracing): Promise<void> {
    await tracing.process(work[0], undefined, async failed => {
      try {
        await this.#options.onMessage(work[0])
        this.#settleReturned(work)
      } catch (error) {
        failed(error)
        this.#settleThrown(work, error)
      }
    })
    this.#done()
  }

  #returned(work: Work): void {
    this.#settleReturned(work)
    this.#done()
  }

  #threw(work: Work, error: unknown): void {
    this.#settleThrown(work, error)
    this.#done()
  }

  #settleReturned([message, lease]: Work): void {
    lease.place = 'given'
    // A lost one is told as such: what was done here is done again elsewhere.
    if (!this.#options.isManual && lease.state !== 'settled') void message.ack()
  }

  #settleThrown([message, lease]: Work, thrown: unknown): void {
    lease.place = 'given'
    const error = BrokerError.from(thrown)
    if (lease.state === 'held') void message.nak({ reason: thrown instanceof Error ? thrown.message : String(thrown) })
    this.#parts.problem(error)
  }

  #done(): void {
    this.#running--
    this.begin()
    if (this.#running > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }
}
