// Looks for a server that lets this broker in: one after the other, and all of them again after a while. Knows nothing of what is done there.

import { Deadline, type Deadlines } from '../../ground/deadlines.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { ServerAddress } from '../../ground/nats-address.ts'
import type { Log } from '../../ground/types.ts'

const MAX_SHORT_STAYS = 3

export interface ServerSearchOptions {
  /** In the order in which they are tried. */
  readonly servers: () => readonly ServerAddress[]
  /** Rejects where that one does not let this broker in. */
  readonly joinAt: (server: ServerAddress) => Promise<void>
  readonly deadlines: Deadlines
  /** How long to wait after so many rounds without a server. ms */
  readonly backoffMs: (failures: number) => number
  readonly log: Log
  /** No server let it in: all are tried again later. */
  readonly onRefused: () => void
  readonly onRetry: () => void
}

export class ServerSearch {
  readonly #options: ServerSearchOptions
  readonly #retry = new Deadline(() => this.#again())
  #failures = 0
  /** How often in a row it was lost soon after it had been joined. */
  #shortStays = 0
  #isTrying = false
  #isWaiting = false
  #isHeld = false
  #isOver = false
  /** Why there was no server the last time. */
  problem: string | undefined

  constructor(options: ServerSearchOptions) {
    this.#options = options
  }

  /** No server is joined, and none is looked for. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** One that is under way goes on: also one from before it was held. */
  begin(): void {
    if (!this.#isTrying) void this.#try()
  }

  /** A server lets this broker in. */
  joined(): void {
    this.#failures = 0
    this.problem = undefined
  }

  /** The server is gone: the next one is looked for at once; but not again and again at servers that let it in and throw it out. */
  lost(problem: string, isShortStay: boolean): void {
    this.problem = problem
    this.#shortStays = isShortStay ? this.#shortStays + 1 : 0
    if (this.#shortStays >= MAX_SHORT_STAYS) this.#wait()
    else this.begin()
  }

  /** Until `goOn()` no server is joined. */
  hold(): void {
    this.#isHeld = true
    this.#options.deadlines.cancel(this.#retry)
  }

  /** `isJoined`: nothing is to be looked for. */
  goOn(isJoined: boolean): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    if (isJoined || this.#isOver) return
    if (this.#isWaiting) this.#again()
    else this.begin()
  }

  close(): void {
    this.#isOver = true
    this.#options.deadlines.cancel(this.#retry)
  }

  async #try(): Promise<void> {
    this.#isTrying = true
    const isJoined = await this.#find()
    this.#isTrying = false
    if (!isJoined) this.#wait()
  }

  async #find(): Promise<boolean> {
    const { servers, joinAt, log } = this.#options
    for (const server of servers()) {
      if (this.#isOver || this.#isHeld) return false
      try {
        await joinAt(server)
        return true
      } catch (error) {
        if (this.#isOver || this.#isHeld) return false
        const { message } = BrokerError.from(error)
        if (message !== this.problem) log.warn({ server: server.text }, message)
        this.problem = message
      }
    }
    return false
  }

  #wait(): void {
    if (this.#isOver || this.#isHeld) return
    const { deadlines, backoffMs, onRefused } = this.#options
    this.#isWaiting = true
    onRefused()
    deadlines.set(this.#retry, backoffMs(Math.max(++this.#failures, this.#shortStays)))
  }

  #again(): void {
    this.#isWaiting = false
    this.#options.onRetry()
    this.begin()
  }
}
