// Where messages from the servers come in: handed on at once, or, while another process of this broker takes over, kept in order.
//
//   came ─┬──────────────────────────────────────────────────────────▶ Incoming
//         └ keep() ─▶ [kept] ─┬ goOn() ──────────────────────────────▶ Incoming
//                             └ forwardTo() ─▶ the other process ─ came before ─▶ its goOn(), in front of what it has kept itself

import type { MovedArrival } from '../../ground/handover.ts'
import type { Incoming } from './incoming.ts'
import type { Interest } from './interest.ts'
import { inOrder } from './sender-order.ts'

export class Arrivals {
  readonly #incoming: Incoming
  readonly #interest: Interest
  readonly #maxBytes: number
  #isKeeping: boolean
  #kept: MovedArrival[] = []
  /** What came to the process before this one. */
  #before: MovedArrival[] = []
  #bytes = 0
  #lost = 0
  #forward: ((arrivals: readonly MovedArrival[]) => void) | undefined

  /** `maxBytes`: most that is kept, of headers and payloads. */
  constructor(incoming: Incoming, interest: Interest, maxBytes: number, isKeeping: boolean) {
    this.#incoming = incoming
    this.#interest = interest
    this.#maxBytes = maxBytes
    this.#isKeeping = isKeeping
  }

  /** A message; `isQ`: it came on Q. Headers and payload may be views. */
  came(isQ: boolean, sid: number, subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): void {
    const wanted = this.#isKeeping ? this.#interest.wanted(sid) : undefined
    if (wanted === undefined || (wanted.group !== undefined) !== isQ) return this.#incoming.message(sid, isQ, subject, reply, headers, payload)
    const { pattern, group, isOwn } = wanted
    const arrival = { pattern, group, isOwn, subject, reply, headers: headers && new Uint8Array(headers), payload: new Uint8Array(payload) }
    if (this.#forward !== undefined) return this.#forward([arrival])
    this.#bytes += payload.length + (headers?.length ?? 0)
    if (this.#bytes > this.#maxBytes) this.#lost++
    else this.#kept.push(arrival)
  }

  /** From now on nobody here is told what comes. */
  keep(): void {
    this.#isKeeping = true
  }

  /** What was kept is handled, and what comes. Returns how many were lost for want of room. */
  goOn(): number {
    const [arrivals, lost] = [inOrder(this.#before, this.#kept), this.#lost]
    this.#isKeeping = false
    this.#before = []
    this.#kept = []
    this.#bytes = this.#lost = 0
    for (const arrival of arrivals) this.#incoming.moved(arrival)
    return lost
  }

  /** These came to the process before this one: they are handled with what was kept, as answers find nobody while the link is not there. */
  cameBefore(arrivals: readonly MovedArrival[]): void {
    if (this.#isKeeping) this.#before.push(...arrivals)
    else for (const arrival of arrivals) this.#incoming.moved(arrival)
  }

  /** What was kept, and all that comes, goes to another process. */
  forwardTo(forward: (arrivals: readonly MovedArrival[]) => void): void {
    this.#forward = forward
    forward(this.#kept)
    this.#kept = []
  }
}
