// What keeps the messages of queues, as the rest of the broker sees it: the contract of every store, in JetStream's words.
// Types only; test/conformance/store.ts is the suite that each implementation passes.
//
//   publish ─▶ append ─▶ stored at a position ─┬─▶ ready ─▶ leased (attempt 1, 2 …) ─┬─ ack ──▶ gone
//                (duplicate: the first one's)   └─ due later ┘   ▲                     ├─ nak, ack wait over ─▶ ready after its backoff
//                                                                └─────────────────────┘      └─ attempts used up, term, expired ─▶ dead letter
//
// Counted over the life of a queue, over restarts too:
//   stored + replayed = acked + forwarded + deadLettered + expired + dropped + purged + waiting (ready, delayed, held, inFlight, damaged)

import type { BrokerError } from './errors.ts'
import type { Durability, QueueSettings, StoreSettings } from './store-settings.ts'
import type { Log } from './types.ts'

export type { Durability, QueueSettings } from './store-settings.ts'

/** What is to be kept: `count` messages of one publisher with everything below in common. */
export interface Append {
  /** Stamped canonical native frames, publishes or one request, in `bytes[start..end)`. Copied within the call: they are the caller's again afterwards. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** 1 where one of the next four says something. */
  readonly count: number
  /** The sender's own id, for deduplication; undefined: it is never a duplicate. At most 256 characters. */
  readonly messageId: string | undefined
  /** Whose order it keeps; undefined: nobody's. */
  readonly session: string | undefined
  /** Its place within the session, from 1, where the sender numbers its messages; 0: order of arrival. */
  readonly sequence: number
  /** Not before then; 0 = at once. Milliseconds since the epoch */
  readonly dueAtMs: number
  /** Not after then; 0 = any time. Milliseconds since the epoch */
  readonly expiresAtMs: number
  /** What must hold before `stored` is told. */
  readonly durability: Durability
  readonly watch: AppendWatch
}

/** Told what became of an append: the calls come in the order of its messages, later than `append` returns, and their counts add up to its count. */
export interface AppendWatch {
  /** They stand at `position` and those that follow, as durably as was asked. A duplicate stands where the first one stood. */
  stored(position: number, count: number, isDuplicate: boolean): void
  /** The queue is full and drops what is new; nobody keeps them. */
  dropped(count: number): void
  /** They are not kept, or nobody knows whether they are (`store.unavailable`). */
  refused(count: number, error: BrokerError): void
}

/** A message on lease: its attempt is counted, as durably as the queue keeps things, before anybody is told of it. */
export interface Leased {
  /** Grows along the queue, 1..2^53-1. Not without gaps. */
  readonly position: number
  /** 1 for the first delivery. The lease is (position, attempt): a settlement with another attempt is too late. */
  readonly attempt: number
  /** One canonical native frame, as it was published. Read, or copied, before `QueueListener.leased` returns: its memory is used again then. */
  readonly frame: Uint8Array
}

/**
 * `ack`: done, gone for good. `nak`: not done, again after `delayMs`, or after the backoff of the retry policy. `term`: never again, a
 * dead letter. `working`: the ack wait begins anew. `release`: it was not delivered, its attempt does not count.
 */
export type Verdict = 'ack' | 'nak' | 'term' | 'working' | 'release'

export interface Settlement {
  readonly position: number
  readonly attempt: number
  readonly verdict: Verdict
  /** `nak` only; undefined: as the retry policy says. ms, 0..2^31-1 */
  readonly delayMs?: number | undefined
  /** `nak`, `term`: what went wrong, for the dead letter. At most 1024 characters. */
  readonly reason?: string | undefined
}

/** What became of settlements; they are durable then (`lost` changed nothing, and need not be asked again). */
export interface SettleOutcome {
  /** Positions whose lease was not held any more: settled before, or its ack wait was over. */
  readonly lost: readonly number[]
  /** None of them is known to be settled. */
  readonly error?: BrokerError
}

/** Why a message became a dead letter. */
export type DeathReason = 'max-attempts' | 'term' | 'expired' | 'overflow'

/** Something that happened to a message without its consumer saying so, or because of what it said. */
export interface QueueEvent {
  readonly position: number
  /** `retry`: it is due again at `dueAtMs`. `expired`, `dropped`: gone without a dead letter, where the queue keeps none. */
  readonly event: 'retry' | 'dead-lettered' | 'expired' | 'dropped'
  /** The one that failed; 0 = it was never delivered. */
  readonly attempt: number
  /** `ack wait over`, what the consumer said, or a DeathReason. */
  readonly reason: string
  readonly dueAtMs?: number
}

/** Who uses the queue is told by this. Called from the event loop, never within a call of StoredQueue. Must not throw. */
export interface QueueListener {
  /** At most as many as are demanded. */
  leased(messages: readonly Leased[]): void
  happened(events: readonly QueueEvent[]): void
  /** The store cannot work (`store.unavailable`, `store.failed`), or can again (undefined). Appends are refused meanwhile; it tries by itself. */
  stateChanged(problem: BrokerError | undefined): void
}

/** How much there is. Messages, unless the name says bytes. */
export interface QueueCounts {
  /** May be leased now. */
  readonly ready: number
  /** Not due yet: delayed by their sender, or waiting for their next attempt. */
  readonly delayed: number
  /** Due, but kept back for the order of their session. */
  readonly held: number
  readonly inFlight: number
  /** Cannot be read or do not fit their checksum: kept, and never delivered. undefined: none was found */
  readonly damaged?: number
  /** Of all that waits. */
  readonly bytes: number
  readonly deadLetters: number
  readonly deadLetterBytes: number
  /** Since the queue was made. */
  readonly stored: number
  readonly duplicates: number
  readonly acked: number
  readonly forwarded: number
  readonly deadLettered: number
  readonly expired: number
  readonly dropped: number
  readonly purged: number
  /** Dead letters that were made messages again. */
  readonly replayed: number
  readonly retried: number
  readonly lastPosition: number
  /** Of the oldest that waits; 0: none does. Milliseconds since the epoch */
  readonly oldestAtMs: number
}

export type StoredState = 'ready' | 'delayed' | 'held' | 'in-flight' | 'dead'

/** A message as it stands in the store, for people and for tools. */
export interface StoredMessage {
  readonly position: number
  readonly state: StoredState
  readonly attempts: number
  readonly frame: Uint8Array
  /** Milliseconds since the epoch. 0 where it does not apply */
  readonly storedAtMs: number
  readonly dueAtMs: number
  readonly expiresAtMs: number
  readonly messageId?: string
  readonly session?: string
  /** What the last attempt failed with. */
  readonly lastError?: string
  /** Dead letters alone. */
  readonly death?: { readonly reason: DeathReason; readonly atMs: number; readonly history: readonly AttemptRecord[] }
}

/** One attempt in a dead letter's history. */
export interface AttemptRecord {
  readonly attempt: number
  /** When it ended. Milliseconds since the epoch */
  readonly endedAtMs: number
  readonly error: string
}

export interface StoredQuery {
  readonly which: 'waiting' | 'dead'
  /** Positions above it; 0 = from the first. */
  readonly after: number
  /** 1..1000 */
  readonly limit: number
}

/** Dead letters, or what waits: all of them, or those positions. */
export type Selection = 'all' | readonly number[]

/** One damaged place. */
export interface Damage {
  readonly queue: string
  /** undefined: not of one message. */
  readonly position?: number
  readonly problem: string
}

export interface VerifyReport {
  readonly checked: number
  readonly damages: readonly Damage[]
}

export interface RepairReport extends VerifyReport {
  /** Messages that could be kept. */
  readonly salvaged: number
  /** Where what could not be understood was put: nothing is thrown away. Empty: there was nothing. */
  readonly quarantine: string
}

/** What a backup holds besides queues: what else of the home a restore needs. */
export interface BackupAbout {
  /** Id of the home. */
  readonly broker: string
  /** Text of files by their names in the home. */
  readonly files: Readonly<Record<string, string>>
}

export interface BackupReport {
  readonly bytes: number
  readonly queues: readonly { readonly name: string; readonly messages: number; readonly deadLetters: number }[]
  /** What is damaged in the store, and therefore in the backup. */
  readonly damages: readonly Damage[]
}

/** A message that replaces another one in one step; see StoredQueue.forward. */
export interface Forward {
  readonly position: number
  readonly attempt: number
  /** What is published instead; to queues of the same store. */
  readonly to: readonly { readonly queue: string; readonly append: Append }[]
}

/** One queue in a store. Calls are taken in order; a later call sees what an earlier one did. */
export interface StoredQueue {
  readonly name: string
  /** Never waits, never throws: limits and failures are told by the watch. */
  append(append: Append): void
  /**
   * `more` messages may be leased beside those that may already, now or when there are any. A balance: each call adds to it, each lease
   * takes one off, and the store leases while it is above 0. A negative number takes back; where leases were on their way meanwhile the
   * balance is below 0, and later demand fills that up first.
   */
  demand(more: number): void
  settle(settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void
  /** Acks one message and appends others, all or nothing. `lost` as in settle: then nothing was appended. undefined: this store cannot. */
  readonly forward: ((forward: Forward, done: (outcome: SettleOutcome) => void) => void) | undefined
  counts(): Promise<QueueCounts>
  list(query: StoredQuery): Promise<readonly StoredMessage[]>
  /** Dead letters become messages again, without attempts; those that are not there are passed by. Returns how many. */
  replay(which: Selection): Promise<number>
  /** Deletes what waits (not what is on lease), or dead letters. Returns how many. */
  purge(which: 'waiting' | 'dead', selection: Selection): Promise<number>
  /** Paused, nothing is leased; kept over restarts. */
  pause(isPaused: boolean): Promise<void>
  readonly isPaused: boolean
  /** Other settings from now on. */
  change(settings: QueueSettings): Promise<void>
  /** Nothing is leased any more; what was accepted is stored or refused when it resolves. What is on lease here is ready for the next one. */
  close(): Promise<void>
}

/** What a store promises; shown by `callboard queue status` and docs/queues.md. */
export interface StoreFeatures {
  readonly forward: boolean
  /** The strongest that it can give. */
  readonly durability: Durability
  readonly backup: boolean
  readonly verify: boolean
  /** What it cannot promise, a line each, as it stands behind a dash: small first letter, no full stop. */
  readonly limits: readonly string[]
}

export type StoreBackend = 'embedded' | 'memory' | 'nats' | 'redis' | 'kafka'

/** Where queues are kept. */
export interface QueueStore {
  readonly backend: StoreBackend
  readonly features: StoreFeatures
  /**
   * The queue of that name, made when there is none. One at a time of each name.
   * @throws BrokerError `store.*`; `store.durability` when the store is configured weaker than the queue asks
   */
  open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue>
  /** Names of the queues that are kept, open or not. */
  names(): Promise<readonly string[]>
  /** Deletes a queue that is not open, with all its messages. */
  remove(name: string): Promise<void>
  /** Reads everything and compares checksums; `queue` undefined: all. Work goes on meanwhile. undefined: this store has no checksums of its own. */
  readonly verify: ((queue: string | undefined, onProgress: (checked: number, total: number) => void) => Promise<VerifyReport>) | undefined
  /** Writes a consistent copy of all queues, and what else there is to keep, to a file that does not exist yet, while work goes on. */
  readonly backup: ((file: string, about: BackupAbout, onProgress: (done: number, total: number) => void) => Promise<BackupReport>) | undefined
  /** What is known to be damaged, as it was told, at most 1000 places. undefined: this store does not look. */
  readonly damages?: readonly Damage[] | undefined
  /** Closes all queues and then itself. */
  close(): Promise<void>
}

/** What a store is opened with. */
export interface StoreContext {
  readonly settings: StoreSettings
  /** For stores that keep files: a directory of the home, which need not exist yet. */
  readonly directory: string
  readonly log: Log
  /** Id of the home, by which this broker's consumers are told from those of others. */
  readonly broker: string
  /**
   * Told once, when it cannot go on and will not by itself, as when its thread has died: whoever opened it closes it, which then takes no
   * time, and opens another. Trouble that it mends itself is told by `stateChanged`.
   */
  readonly onFailed?: (error: BrokerError) => void
}

/**
 * Opens a store; the queues in it are opened one by one.
 * @throws BrokerError `store.*`
 */
export type OpenStore = (context: StoreContext) => Promise<QueueStore>
