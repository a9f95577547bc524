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
  /** It was sent under this id; called again when it is repeated. `ready` says when the link takes more. */
  sent(id: number, ready: Promise<void>): void
  /** A frame that names it in `ref`; true when no more are expected. */
  received(frame: Frame): boolean
  /** It failed for good. */
  failed(error: BrokerError): void
}

export class OpenCalls {
  readonly #calls = new Map<number, Call>()
  readonly #ids = new Map<Call, number>()
  #onIdle: (() => void) | undefined

  get size(): number {
    return this.#calls.size
  }

  add(id: number, call: Call): void {
    this.#calls.set(id, call)
    this.#ids.set(call, id)
  }

  /** The call is given up; its id, so that the broker can be told, or undefined when it was not open. */
  remove(call: Call): number | undefined {
    const id = this.#ids.get(call)
    if (id !== undefined) this.#delete(id)
    return id
  }

  /** Hands an answer to the call that it names; false when there is none. */
  receive(frame: Frame): boolean {
    const call = this.#calls.get(frame.ref)
    if (call === undefined) return false
    if (call.received(frame)) this.#delete(frame.ref)
    return true
  }

  /** Fails the calls with ids `first` to `first + count - 1`; false when there were none. */
  refuse(first: number, count: number, error: BrokerError): boolean {
    const last = first + count - 1
    const refused = count === 1 ? [first].filter(id => this.#calls.has(id)) : [...this.#calls.keys()].filter(id => id >= first && id <= last)
    for (const id of refused) {
      const call = this.#calls.get(id)
      this.#delete(id)
      call?.failed(error)
    }
    return refused.length > 0
  }

  /** Empties the table; what was in it, oldest first. */
  takeAll(): Call[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#ids.clear()
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

  #delete(id: number): void {
    const call = this.#calls.get(id)
    if (call !== undefined) this.#ids.delete(call)
    this.#calls.delete(id)
    if (this.#calls.size === 0) this.#onIdle?.()
  }
}
