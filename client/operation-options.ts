// What publish, request and their kin may be told. Types only.

import type { Durability } from '../broker/ground/store-settings.ts'
import type { Headers } from '../broker/wire/frame.ts'

/** What a message says to the queue that keeps it, see docs/queues.md. Channels that are no queues refuse the first two by name. */
export interface QueueOptions {
  /** Not delivered before this time has passed. ms, 0..2^31-1 */
  readonly delayMs?: number
  /** Not delivered before then. A date, or milliseconds since the epoch */
  readonly deliverAt?: Date | number
  /** Messages of one session are handled one after another, where the queue keeps order. At most 256 characters, default: this client's id */
  readonly session?: string
  /** Its place within the session; the queue waits a while for one that is missing. Integer, 1 and up; default: the order in which they come */
  readonly sequence?: number
  /** What must hold before it counts as stored: less, or more, than the queue's own. default: as the queue has it */
  readonly durability?: Durability
}

export interface PublishOptions extends QueueOptions {
  readonly headers?: Headers
  /** The sender's own id of the message, travels as header `mid`; says besides that repeating it does no harm. */
  readonly mid?: string
  /** Wait until the broker has accepted it, or with `delivered` until it knows what became of it for every receiver. default false */
  readonly receipt?: boolean | 'delivered'
  /** It is worthless for receivers that could not take it within this time: dropped as `expired`. ms, 1..2^31-1, default: no limit */
  readonly ttlMs?: number
  /** Time for the receipt. ms, default as for requests */
  readonly timeoutMs?: number
  /**
   * Send it again in another session when its answer was open. A publish with `receipt: true` or `'delivered'` that has no `mid` gets one, by which a channel with
   * `deduplication` takes it once. default: true with `mid`, else false
   */
  readonly idempotent?: boolean
  /** Write the payload as JSON instead of MessagePack. default false */
  readonly json?: boolean
  readonly signal?: AbortSignal
}

/** What became of a published message when the broker accepted it, and the queue that it goes to has it. */
export interface Receipt {
  /** How many it is delivered to, a queue among them; all other brokers together are one. */
  readonly receivers: number
  /** Its channel had a message with this `mid` a moment ago, and did not take it again. */
  readonly isDuplicate?: true
  /** Where it stands; missing: it went to no queue. */
  readonly stored?: StoredAt
}

/** A message that its queue keeps, as durably as was asked. */
export interface StoredAt {
  readonly queue: string
  readonly position: number
  /** The queue had it already: it stands where the first one stood. */
  readonly isDuplicate: boolean
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
