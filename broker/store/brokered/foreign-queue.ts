// What a foreign store does for one queue by itself; all else that queues promise is done on top, in brokered-queue.ts. Types only.
//
//   put ─▶ kept at a position ─▶ arrives here (deliveries 1) ─┬─ finish ──▶ gone
//                                   ▲                         └─ giveBack ─▶ after its delay, deliveries 2, here or at another broker
//                                   └───── whoever had it has ended

import type { BrokerError } from '../../ground/errors.ts'
import type { AttemptRecord, DeathReason } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'

/** A message as its publisher made it. What the store adds is in `Kept`. */
export interface Entry {
  /** One canonical native frame. */
  readonly frame: Uint8Array
  readonly messageId: string | undefined
  readonly session: string | undefined
  /** 0: none */
  readonly sequence: number
  /** Milliseconds since the epoch. 0 where it does not apply */
  readonly dueAtMs: number
  readonly expiresAtMs: number
}

/** A message as it is kept. */
export interface Kept extends Entry {
  /** 1..2^53-1, grows in the order of `put`. */
  readonly position: number
  readonly storedAtMs: number
}

/** A message that is this broker's until it says what becomes of it. */
export interface Arrival extends Kept {
  /** How often it was handed out, this time included, to any broker: counted before it arrives, as durably as the store keeps messages. */
  readonly deliveries: number
}

export interface DeadEntry extends Kept {
  readonly attempts: number
  readonly reason: DeathReason
  readonly atMs: number
  readonly history: readonly AttemptRecord[]
}

/** `full`: one of the limits of the queue; an error: it is not kept, or nobody knows. */
export type PutOutcome = { readonly position: number; readonly isDuplicate: boolean } | 'full' | BrokerError

/** How much there is, at all brokers together. */
export interface ForeignState {
  /** Not finished yet, wherever it is. */
  readonly messages: number
  readonly bytes: number
  /** Of those, handed out to any broker, or given back and not handed out again yet. */
  readonly handedOut: number
  /** Since the queue was made: the last position that was given; 0 = none. */
  readonly lastPosition: number
  /** How many were put since the queue was made. */
  readonly puts: number
  /** Of the oldest; 0: there is none. Milliseconds since the epoch */
  readonly oldestAtMs: number
  readonly dead: number
  readonly deadBytes: number
  /** How many were buried since the queue was made. */
  readonly buried: number
}

/** Told by the foreign queue, from the event loop. */
export interface ForeignListener {
  arrived(arrivals: readonly Arrival[]): void
  /** It cannot be reached, or can be again (undefined). What had arrived is still this broker's, as long as it extends it in time. */
  stateChanged(problem: BrokerError | undefined): void
}

/**
 * One queue in a foreign store. All promises are rejected with a BrokerError `store.*`; then nobody knows whether it was done.
 * Where a message is put on the shelf of dead letters and finished, it can be put there twice when the broker ends in between: `bury`
 * of a position that is there already changes nothing.
 */
export interface ForeignQueue {
  /** Keeps one message; `done` is called later, in the order of the calls. `dedupe`: its id within the window makes it a duplicate. */
  put(entry: Entry, dedupe: string | undefined, done: (outcome: PutOutcome) => void): void
  /** So many are wanted in all, beside those that have arrived: a new number replaces the one before, each arrival takes one off. More may arrive where they were on their way. */
  want(count: number): void
  /** Those have arrived here and are done: gone for good, as durably as they were kept. */
  finish(positions: readonly number[]): Promise<void>
  /** It has arrived here and shall arrive again, here or elsewhere, after that time. */
  giveBack(position: number, delayMs: number): Promise<void>
  /** Those have arrived here and are still wanted: no other broker gets them for a while. Not confirmed. */
  extend(positions: readonly number[]): void
  /** How often `extend` must be called for what is here. ms */
  readonly extendEveryMs: number
  /** How long what a broker had is nobody's when it ends without a word. ms */
  readonly handoverMs: number
  /** What is put with a time to come arrives when it has come: each delivery is an attempt. Otherwise one that comes too early is given back, and does not count. default false */
  readonly waitsUntilDue?: boolean
  /** Deletes what has not arrived here; false: it was not there. */
  remove(position: number): Promise<boolean>
  /** What is kept above that position, in order, wherever it is. */
  read(after: number, limit: number): Promise<readonly Kept[]>
  /** @throws BrokerError `queue.bad_option`: it is larger than the store takes */
  bury(entry: DeadEntry): Promise<void>
  readDead(after: number, limit: number): Promise<readonly DeadEntry[]>
  /** Deletes dead letters; says how many were there. */
  removeDead(which: 'all' | readonly number[]): Promise<number>
  /** Asked, among others, while publishers are refused because it is full. */
  state(): Promise<ForeignState>
  /** What this broker noted last about the queue, and what the other brokers did. */
  notes(): Promise<{ readonly own: string | undefined; readonly others: readonly string[] }>
  note(text: string): Promise<void>
  /** The limits, the window and the age of dead letters hold from now on. */
  change(settings: QueueSettings): Promise<void>
  /** Nothing arrives any more when it resolves. */
  stop(): Promise<void>
  /** After `stop`, and after what has arrived was given back. */
  close(): Promise<void>
}
