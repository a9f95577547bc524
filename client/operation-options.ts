// What publish, request and their kin may be told. Types only.

import type { Headers } from '../broker/wire/frame.ts'

export interface PublishOptions {
  readonly headers?: Headers
  /** The sender's own id of the message, travels as header `mid`; says besides that repeating it does no harm. */
  readonly mid?: string
  /** Wait until the broker has accepted it, or with `delivered` until it knows what became of it for every receiver. default false */
  readonly receipt?: boolean | 'delivered'
  /** It is worthless for receivers that could not take it within this time: dropped as `expired`. ms, 1..2^31-1, default: no limit */
  readonly ttlMs?: number
  /** Time for the receipt. ms, default as for requests */
  readonly timeoutMs?: number
  /** Send it again in another session when its answer was open. default: true with `mid`, else false */
  readonly idempotent?: boolean
  /** Write the payload as JSON instead of MessagePack. default false */
  readonly json?: boolean
  readonly signal?: AbortSignal
}

/** What became of a published message when the broker accepted it. */
export interface Receipt {
  /** How many it is delivered to; all other brokers together are one. */
  readonly receivers: number
}

/** What became of a published message for each of its receivers. */
export interface DeliveryReceipt extends Receipt {
  /** How many have it: their kernels took it. */
  readonly written: number
  /** How many went to other brokers, whose servers confirmed them; missing: none. */
  readonly forwarded?: number
  /** How many do not, by reason: `overflow`, `expired`, `slow-consumer`, `link-down`, `link-unknown`, `actor-gone`, `no-interest`. */
  readonly dropped: Readonly<Record<string, number>>
}

export interface RequestOptions extends Omit<PublishOptions, 'receipt'> {
  /** Time for the answer. ms, default: `requestTimeoutMs` of connect(), else what the broker says; 1..2^32-1 */
  readonly timeoutMs?: number
}

export type StreamOptions = Omit<RequestOptions, 'idempotent'>
