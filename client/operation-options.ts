// What publish, request and their kin may be told. Types only.

import type { Headers } from '../broker/wire/frame.ts'

export interface PublishOptions {
  readonly headers?: Headers
  /** The sender's own id of the message, travels as header `mid`; says besides that repeating it does no harm. */
  readonly mid?: string
  /** Wait until the broker has accepted it. default false */
  readonly receipt?: boolean
  /** Send it again after a disconnect when its answer was open. default: true with `mid`, else false */
  readonly idempotent?: boolean
  /** Write the payload as JSON instead of MessagePack. default false */
  readonly json?: boolean
  readonly signal?: AbortSignal
}

/** What became of a published message when the broker accepted it. */
export interface Receipt {
  /** How many it is delivered to. */
  readonly receivers: number
}

export interface RequestOptions extends Omit<PublishOptions, 'receipt'> {
  /** Time for the answer. ms, default: `requestTimeoutMs` of connect(), else what the broker says; 1..2^32-1 */
  readonly timeoutMs?: number
}

export type StreamOptions = Omit<RequestOptions, 'idempotent'>
