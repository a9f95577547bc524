// The open requests of one gateway client, by its own ids and by the numbers that frames have.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { OwnId } from '../json/own-names.ts'
import type { Turn } from './turns.ts'

/** One `req` that has not been answered. */
export interface Call {
  readonly own: OwnId
  readonly method: string
  /** Name of the events that its parts are told as. */
  readonly event: string
  readonly isMany: boolean
  /** It waits for somebody who can be told that nobody wants the answer any more. */
  readonly isCancellable: boolean
  readonly sessionKey: string | undefined
  /** Number of its frame; 0 while it waits for its turn. */
  frame: number
  turn: Turn | undefined
}

export class Calls {
  readonly #limit: number
  readonly #byOwn = new Map<OwnId, Call>()
  readonly #byFrame = new Map<number, Call>()

  /** At most `limit` are open at a time. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @throws BrokerError `request.id_open`, `request.limit` */
  open(call: Call): void {
    if (this.#byOwn.has(call.own)) throw new BrokerError('request.id_open', { id: call.own })
    if (this.#byOwn.size >= this.#limit) throw new BrokerError('request.limit', { limit: this.#limit })
    this.#byOwn.set(call.own, call)
    if (call.frame !== 0) this.#byFrame.set(call.frame, call)
  }

  /** It is sent as frame `frame`. */
  sent(call: Call, frame: number): void {
    call.frame = frame
    this.#byFrame.set(frame, call)
  }

  close(call: Call): void {
    this.#byOwn.delete(call.own)
    this.#byFrame.delete(call.frame)
  }

  named(own: OwnId): Call | undefined {
    return this.#byOwn.get(own)
  }

  ofFrame(frame: number): Call | undefined {
    return this.#byFrame.get(frame)
  }

  all(): IterableIterator<Call> {
    return this.#byOwn.values()
  }
}
