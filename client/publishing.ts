// Publishes: at once, when there is a connection, or within the broker's credit; and waits for receipts where they are wanted.

import { BrokerError } from '../broker/ground/errors.ts'
import { frameBytes, type FrameInit } from '../broker/wire/frame.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { aborted, type Caller } from './caller.ts'
import type { Credit } from './credit.ts'
import { messageFrame } from './message-frame.ts'
import { isRepeatable, withMid } from './message-headers.ts'
import type { PublishOptions, Receipt } from './operation-options.ts'
import { PromiseCall, SendCall } from './promise-call.ts'
import { ReceiptReader } from './receipt.ts'
import type { Session } from './session.ts'

export interface PublishingParts {
  readonly session: Session
  readonly caller: Caller
  /** undefined: the broker was not asked for any, and publishes leave at once. */
  readonly credit: Credit | undefined
  /** Most publishes that wait for a connection. */
  readonly offlineLimit: number
  /** Time for a receipt, from what its publisher gave. ms */
  readonly timeoutMs: (asked: number | undefined) => number
}

export class Publishing {
  readonly #parts: PublishingParts
  readonly #receipts = new ReceiptReader()

  constructor(parts: PublishingParts) {
    this.#parts = parts
  }

  /** See Client.publish(). Not async: each promise of its own would cost as much as the frame. */
  publish(subject: string, payload: unknown, asked: PublishOptions): Promise<Receipt | void> {
    try {
      const isTold = asked.receipt !== undefined && asked.receipt !== false
      const options = isTold ? withMid(asked) : asked
      const frame = messageFrame(this.#parts.session, Kind.publish, subject, payload, options, isTold ? Flag.receipt : 0)
      const { signal } = options
      if (signal?.aborted === true) throw aborted(signal)
      const { credit } = this.#parts
      return credit === undefined ? this.#send(frame, options) : this.#sendWithin(credit, frame, options)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : BrokerError.from(error))
    }
  }

  async #sendWithin(credit: Credit, frame: FrameInit, options: PublishOptions): Promise<Receipt | void> {
    const { session, offlineLimit } = this.#parts
    if (session.connection?.isOpen !== true && credit.waiting >= offlineLimit) throw new BrokerError('client.offline_full', { limit: offlineLimit })
    const { signal } = options
    try {
      return await credit.spend(frame.subject!, frameBytes(frame), () => this.#send(frame, options), signal)
    } catch (error) {
      throw signal?.aborted === true ? aborted(signal) : BrokerError.from(error)
    }
  }

  #send(frame: FrameInit, options: PublishOptions): Promise<Receipt | void> {
    const { session, caller, timeoutMs } = this.#parts
    if ((frame.flags! & Flag.receipt) !== 0) {
      const call = new PromiseCall<Receipt>({ frame, isRepeatable: isRepeatable(options), read: this.#receipts.read })
      return caller.answer(call, timeoutMs(options.timeoutMs), options.signal)
    }
    const { connection } = session
    if (connection?.isOpen !== true) return caller.send(new SendCall(frame), options.signal)
    connection.send(frame)
    return connection.ready
  }
}
