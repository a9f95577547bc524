// A frame on its way to an answer, and the table of those that wait. Knows frames and refs, not what they mean.

import type { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'

/** One frame that was handed to the session: sent now, or after the next welcome. */
export interface Call {
  /** Without id: the connection gives it. */
  readonly frame: FrameInit
  /** false: done as soon as it is sent. */
  readonly isAnswered: boolean
  /** Sent again after a disconnect, because doing it twice does no harm. */
  readonly isRepeatable: boolean
  /** Means something in this session only, such as an answer: it fails when the session does not go on. default false */
  readonly isBound?: boolean
  /** Under which it is open; 0 while it is not. OpenCalls alone sets it. */
  id: number
  /** It was sent; called again when it is repeated. `link.ready` says when the link takes more. */
  sent(link: { readonly ready: Promise<void> }): void
  /** A frame that names it: in `ref`, or as the `nth` behind that; true when no more are expected. */
  received(frame: Frame, nth?: number): boolean
  /** It failed for good. */
  failed(error: BrokerError): void
}

export class OpenCalls {
  readonly #calls = new Map<number, Call>()
  #onIdle: (() => void) | undefined
  #lastId = 0

  get size(): number {
    return this.#calls.size
  }

  add(id: number, call: Call): void {
    call.id = this.#lastId = id
    this.#calls.set(id, call)
  }

  /** The call is given up; its id, so that the broker can be told, or undefined when it was not open. */
  remove(call: Call): number | undefined {
    const { id } = call
    if (id === 0) return undefined
    this.#delete(id, call)
    return id
  }

  /** Hands an answer to the call that it names; false when there is none. */
  receive(frame: Frame): boolean {
    const call = this.#calls.get(frame.ref)
    if (call === undefined) return false
    if (call.received(frame)) this.#delete(frame.ref, call)
    return true
  }

  /** Hands an answer to the call that it names in `ref`, and to the `to` calls behind that. */
  receiveRun(frame: Frame): void {
    const count = Math.min(frame.to, this.#lastId - frame.ref) + 1
    for (let nth = 0; nth < count; nth++) {
      const call = this.#calls.get(frame.ref + nth)
      if (call?.received(frame, nth) === true) this.#delete(frame.ref + nth, call)
    }
  }

  /** Fails the calls with ids `first` to `first + count - 1`; false when there were none. */
  refuse(first: number, count: number, error: BrokerError): boolean {
    const last = first + count - 1
    const refused = count === 1 ? [first].filter(id => this.#calls.has(id)) : [...this.#calls.keys()].filter(id => id >= first && id <= last)
    for (const id of refused) {
      const call = this.#calls.get(id)!
      this.#delete(id, call)
      call.failed(error)
    }
    return refused.length > 0
  }

  /** Empties the table; what was in it, oldest first. */
  takeAll(): Call[] {
    const calls = [...this.#calls.values()]
    for (const call of calls) call.id = 0
    this.#calls.clear()
    this.#onIdle?.()
    return calls
  }

  /** Resolves when nothing is open. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#onIdle = resolve
    })
  }

  #delete(id: number, call: Call): void {
    call.id = 0
    this.#calls.delete(id)
    if (this.#calls.size === 0) this.#onIdle?.()
  }
}
