// Takes some messages of a queue at once: one consumer for the time of a fetch, kept for the next one where nothing is left of it.

import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { aborted } from './caller.ts'
import { deferred } from './deferred.ts'
import { Holder, type HolderParts } from './holder.ts'
import type { Lease } from './lease.ts'
import type { QueuedMessage } from './queued-message.ts'

export interface FetchOptions {
  /** Most messages. default 1, 1..1000000 */
  readonly limit?: number
  /** How long to wait for so many, once the broker has been asked; then those that came are given. ms, default: as for requests */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

type Fetched = [QueuedMessage, Lease]

export class Fetcher {
  readonly holder: Holder
  readonly #parts: HolderParts
  #got: Fetched[] = []
  #limit = 0
  /** Why the fetch under way ends: enough came, or an error. */
  #end: (error?: BrokerError) => void = () => {}
  /** The broker was asked: from now on the fetch under way takes its time. */
  #begin: () => void = () => {}
  #isConfirmed = false

  constructor(queue: string, parts: HolderParts) {
    this.#parts = parts
    this.holder = new Holder(
      queue,
      false,
      {
        received: (message, lease) => this.#received(message, lease),
        confirmed: () => {
          this.#isConfirmed = true
          this.#begin()
        },
        refused: () => {},
        ended: error => this.#end(error ?? new BrokerError('client.closed')),
        abandoned: () => {
          this.#got = []
          this.#isConfirmed = false
        },
        turn: () => this.#ask(),
      },
      parts,
    )
  }

  /** Nothing that was asked for is still to come: it may fetch again. */
  get isIdle(): boolean {
    return this.holder.credit === 0
  }

  /**
   * One fetch at a time. `patienceMs` is how long a broker that is away may take to come back.
   * @throws BrokerError `queue.timeout` when the broker could not be asked in that time, what it refuses with, `client.*`
   */
  async fetch(limit: number, timeoutMs: number, patienceMs: number, signal: AbortSignal | undefined): Promise<QueuedMessage[]> {
    const answered = this.#parts.flow.await()
    const enough = deferred<void>()
    this.#end = error => (error === undefined ? enough.resolve() : enough.reject(error))
    this.#limit = limit
    const deadline = new Deadline(() => this.#end(this.#isConfirmed ? undefined : new BrokerError('queue.timeout', { queue: this.holder.queue, limitMs: patienceMs })))
    this.#begin = () => this.#parts.deadlines.set(deadline, timeoutMs)
    const abort = (): void => this.#end(aborted(signal))
    signal?.addEventListener('abort', abort)
    if (this.#isConfirmed) this.#begin()
    else this.#parts.deadlines.set(deadline, patienceMs)
    this.holder.announce()
    this.#ask()
    try {
      await enough.promise
      // What is on its way is taken along, so that it need not come a second time.
      if (!this.isIdle) await this.holder.detach()
    } catch (error) {
      this.#release()
      void this.holder.detach()
      throw error
    } finally {
      this.#parts.deadlines.cancel(deadline)
      signal?.removeEventListener('abort', abort)
      this.#limit = 0
      this.#begin = () => {}
      answered()
    }
    const got = this.#got
    this.#got = []
    return got.map(([message]) => message)
  }

  #received(message: QueuedMessage, lease: Lease): void {
    if (this.#limit === 0) return this.holder.release(lease)
    lease.place = 'given'
    if (this.#got.push([message, lease]) >= this.#limit) this.#end()
  }

  #ask(): void {
    const missing = this.#limit - this.#got.length - this.holder.credit
    if (missing > 0) this.holder.pull(missing)
  }

  #release(): void {
    for (const [, lease] of this.#got) this.holder.release(lease)
    this.#got = []
  }
}
