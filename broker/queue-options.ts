// What a message asks of the queue that it goes to, by its headers. Of messages that go to no queue, what only a queue could do is refused.

import { BrokerError } from './ground/errors.ts'
import { durabilities, type Durability } from './ground/store-settings.ts'

/** What a message asks of its queue. */
export interface QueueOptions {
  /** Whose order it keeps; undefined: its sender's, where the queue keeps any. */
  readonly session: string | undefined
  /** From 1; 0: it has none. */
  readonly sequence: number
  /** ms from now, 0..2^31-1 */
  readonly delayMs: number
  /** Milliseconds since the epoch; 0: at once. */
  readonly deliverAtMs: number
  /** undefined: as the queue has it. */
  readonly durability: Durability | undefined
}

/** Headers that mean something to a queue, as they came. */
export type QueueHeaders = Readonly<Record<string, unknown>>

const names = ['delay', 'deliverAt', 'session', 'sequence', 'durability', '$attempt'] as const
const MAX_DELAY_MS = 2 ** 31 - 1
/** Of Date. */
const MAX_TIME_MS = 8.64e15
const MAX_TEXT = 256

const nothingAsked: QueueOptions = { session: undefined, sequence: 0, delayMs: 0, deliverAtMs: 0, durability: undefined }

/** Those of the headers that a queue reads; undefined: none of them is there. */
export function queueHeaders(headers: Readonly<Record<string, unknown>>): QueueHeaders | undefined {
  const { mid } = headers
  const isWrong = mid !== undefined && !(typeof mid === 'string' && mid.length <= MAX_TEXT)
  return isWrong || names.some((name) => headers[name] !== undefined) ? headers : undefined
}

/** @throws BrokerError `queue.bad_option` */
export function readQueueOptions(headers: QueueHeaders | undefined): QueueOptions {
  if (headers === undefined) return nothingAsked
  const { mid, delay, deliverAt, session, sequence, durability } = headers
  if (typeof mid === 'string' && mid.length > MAX_TEXT) throw bad(`its header mid has ${mid.length} characters, at most ${MAX_TEXT} are remembered`)
  // Ignored, it would be stored twice where its publisher relies on being known again.
  if (mid !== undefined && typeof mid !== 'string') throw bad('its header mid must be a text')
  if (headers['$attempt'] !== undefined) throw bad('its header $attempt is the broker\'s to set')
  if (delay !== undefined && !isWhole(delay, 0, MAX_DELAY_MS)) throw bad(`its header delay must be an integer of 0..${MAX_DELAY_MS} (ms)`)
  if (deliverAt !== undefined && !isWhole(deliverAt, 0, MAX_TIME_MS)) throw bad('its header deliverAt must be an integer of 0..8.64e15 (ms since the epoch)')
  if (delay !== undefined && deliverAt !== undefined) throw bad('it has both delay and deliverAt; set one')
  if (session !== undefined && !(typeof session === 'string' && session.length >= 1 && session.length <= MAX_TEXT)) throw bad(`its header session must be a text of 1..${MAX_TEXT} characters`)
  if (sequence !== undefined && !isWhole(sequence, 1, Number.MAX_SAFE_INTEGER)) throw bad('its header sequence must be an integer of 1..2^53-1')
  if (durability !== undefined && !isDurability(durability)) throw bad(`its header durability must be one of ${durabilities.join(', ')}`)
  return { session, sequence: sequence ?? 0, delayMs: delay ?? 0, deliverAtMs: deliverAt ?? 0, durability }
}

/** @throws BrokerError `queue.bad_option`: it asks for what a channel cannot do that keeps nothing */
export function checkOutsideQueues({ delay, deliverAt, durability }: QueueHeaders): void {
  const asked = delay !== undefined ? 'delay' : deliverAt !== undefined ? 'deliverAt' : durability !== undefined && durability !== 'memory' ? 'durability' : undefined
  if (asked !== undefined) throw bad(`its header ${asked} asks for a channel of mode queue, and its subject belongs to none`)
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

function isDurability(value: unknown): value is Durability {
  return (durabilities as readonly unknown[]).includes(value)
}

function bad(problem: string): BrokerError {
  return new BrokerError('queue.bad_option', { problem })
}
