// What a queue must know of messages beside their bytes, and who is told what became of them. Types only.

import type { BrokerError } from './errors.ts'
import type { Durability } from './store-settings.ts'

/** Where a message stands in its queue. */
export interface StoredAt {
  readonly queue: string
  readonly position: number
  /** It was stored before under the same id, at that position. */
  readonly duplicate?: true
}

/** The messages of one slice on their way into a queue. Calls come later than the delivery, in the order of the messages, and their counts add up. */
export interface Intake {
  /** Number of the sender's connection, and its number for the first of them. */
  readonly origin: number
  readonly firstId: number
  /** What the sender's order goes by where it names no session. */
  readonly client: string
  /** As in Append; undefined and 0: it says nothing. Where one says something, the slice holds one message. */
  readonly messageId: string | undefined
  readonly session: string | undefined
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly dueAtMs: number
  readonly expiresAtMs: number
  /** undefined: as the queue has it. */
  readonly durability: Durability | undefined
  /** `id`: of the first of `count`. */
  stored(queue: string, id: number, position: number, count: number, isDuplicate: boolean): void
  /** The queue is full and drops what is new. */
  dropped(queue: string, id: number, count: number): void
  refused(queue: string, id: number, count: number, error: BrokerError): void
}
