// The lease on one message of a queue, as whoever got it keeps it: whether it is still held, and since when. Knows no frames.

import { BrokerError } from '../broker/ground/errors.ts'
import type { OpenRequest } from './open-request.ts'

export class Lease {
  readonly queue: string
  readonly position: number
  /** The lease is (position, attempt): what is said of an earlier attempt comes too late. */
  readonly attempt: number
  /** The message as a request that may be answered; undefined: it is none. */
  readonly request: OpenRequest | undefined
  /** `unread`: it waits here. `handled`: a handler of this client has it and has not returned. `given`: the application has it. */
  place: 'unread' | 'handled' | 'given' = 'unread'
  /** `settled`: this side has said what became of it. `lost`: the broker gives it, or gave it, to somebody else. */
  state: 'held' | 'settled' | 'lost' = 'held'
  /** When it was taken or last extended, on the monotonic clock. ms */
  sinceMs: number
  /** When it was last held again, as what was said of it was refused; Infinity: never. ms */
  keptMs = Infinity
  #abort: AbortController | undefined

  constructor(queue: string, position: number, attempt: number, request: OpenRequest | undefined, sinceMs: number) {
    this.queue = queue
    this.position = position
    this.attempt = attempt
    this.request = request
    this.sinceMs = sinceMs
  }

  // Made when first asked for: most handlers never look, and a controller costs more than the rest of the lease.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.state === 'lost') this.#abort.abort(this.lostError())
    return this.#abort.signal
  }

  /** What was to be said of it is said; nobody here answers it any more. */
  settle(): void {
    this.state = 'settled'
    if (this.request?.isOpen === true) this.request.end(this.lostError())
  }

  /** What was said of it does not count, and may be said again. */
  unsettle(): void {
    if (this.state === 'settled') this.state = 'held'
  }

  /** It is not held any more, though this side has not settled it. */
  lose(): void {
    if (this.state !== 'held') return
    this.state = 'lost'
    if (this.#abort === undefined && this.request?.isOpen !== true) return
    const error = this.lostError()
    this.#abort?.abort(error)
    this.request?.end(error)
  }

  lostError(): BrokerError {
    return new BrokerError('queue.lease_lost', { queue: this.queue, position: this.position })
  }
}
