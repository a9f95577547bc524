// Where messages from the servers come in: handed on at once, or, while another process of this broker takes over, kept in order.
//
//   came ─┬──────────────────────────────────────────────────────────▶ Incoming
//         └ keep() ─▶ [kept] ─┬ goOn() ──────────────────────────────▶ Incoming
//                             └ forwardTo() ─▶ the other process ─ came before ─▶ its goOn(), in front of what it has kept itself

import type { MovedArrival } from '../../ground/handover.ts'
import type { Incoming } from './incoming.ts'
import type { Interest } from './interest.ts'
import { KeptArrivals } from './kept-arrivals.ts'
import { inOrder } from './sender-order.ts'

export interface ArrivalsOptions {
  readonly incoming: Pick<Incoming, 'message' | 'moved' | 'isEcho'>
  readonly interest: Pick<Interest, 'wanted'>
  /** Where answers come. */
  readonly inbox: string
  /** Most that is kept, of what comes here and of what came to the process before this one, each. bytes */
  readonly maxBytes: number
  readonly isKeeping: boolean
}

/** Resolves when the other process has been given them, or is gone. */
export type Forward = (arrivals: readonly MovedArrival[]) => Promise<void>

export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #kept: KeptArrivals
  /** What came to the process before this one. */
  readonly #before: KeptArrivals
  #isKeeping: boolean
  #forward: Forward | undefined
  #isPassing = false
  #passed: (() => void) | undefined

  constructor(options: ArrivalsOptions) {
    this.#options = options
    this.#isKeeping = options.isKeeping
    this.#kept = new KeptArrivals(options.maxBytes)
    this.#before = new KeptArrivals(options.maxBytes)
  }

  /** A message; `isQ`: it came on Q. Headers and payload may be views. */
  came(isQ: boolean, sid: number, subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): void {
    const { incoming, interest } = this.#options
    const wanted = this.#isKeeping ? interest.wanted(sid) : undefined
    if (wanted === undefined || (wanted.group !== undefined) !== isQ) return incoming.message(sid, isQ, subject, reply, headers, payload)
    const { pattern, group, isOwn } = wanted
    // While both processes have the link, what the one publishes comes to the other.
    if (incoming.isEcho(group, headers)) return
    this.#kept.add({ pattern, group, isOwn, subject, reply, headers: headers && new Uint8Array(headers), payload: new Uint8Array(payload) })
    this.#pass()
  }

  /** From now on nobody here is told what comes. */
  keep(): void {
    this.#isKeeping = true
  }

  /** What was kept is handled, and what comes. Returns how many were lost for want of room. */
  goOn(): number {
    const { incoming, inbox } = this.#options
    const [before, kept] = [this.#before.takeAll(), this.#kept.takeAll()]
    this.#isKeeping = false
    for (const arrival of inOrder(before.arrivals, kept.arrivals, inbox)) incoming.moved(arrival)
    return before.lost + kept.lost
  }

  /** These came to the process before this one: they are handled with what was kept, as answers find nobody while the link is not there. */
  cameBefore(arrivals: readonly MovedArrival[]): void {
    for (const arrival of arrivals) {
      if (this.#isKeeping) this.#before.add(arrival)
      else this.#options.incoming.moved(arrival)
    }
  }

  /** What was kept, and all that comes, goes to another process: piece by piece, as it takes them. */
  forwardTo(forward: Forward): void {
    this.#forward = forward
    this.#pass()
  }

  /** Resolves when all that came was passed on, or `limitMs` are over; with how many were lost for want of room or time. */
  async passedOn(limitMs: number): Promise<number> {
    if (this.#isPassing) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, limitMs)
      this.#passed = resolve
      await promise
      clearTimeout(timer)
    }
    return this.#kept.lost + this.#kept.count
  }

  #pass(): void {
    if (this.#forward === undefined || this.#isPassing) return
    const piece = this.#kept.takePiece()
    if (piece.length === 0) return this.#passed?.()
    this.#isPassing = true
    void this.#forward(piece).then(() => {
      this.#isPassing = false
      this.#pass()
    })
  }
}
