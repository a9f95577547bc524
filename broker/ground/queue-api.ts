// The broker's methods for queues, `$CB.api.queue.<method>`: what each takes and answers. Types only; docs/protocol.md is the contract.

import type { ErrorBody } from './errors.ts'
import type { AttemptRecord, BackupReport, DeathReason, QueueCounts, StoreBackend, StoredState, StoreFeatures, VerifyReport } from './store.ts'
import type { QueueSettings } from './store-settings.ts'

/** Messages per second over the time covered. */
export interface QueueRates {
  readonly stored: number
  readonly acked: number
  /** ms; 0 = nothing is known yet */
  readonly coversMs: number
}

export interface QueueInfo {
  readonly name: string
  readonly isPaused: boolean
  /** Consumers that are there now, at this broker. */
  readonly consumers: number
  /** How much there is; missing while the store cannot tell. */
  readonly counts?: QueueCounts
  readonly rates: QueueRates
  readonly settings: QueueSettings
  /** Why it cannot work now. */
  readonly problem?: ErrorBody
}

/** Where queues are kept. */
export interface StoreInfo {
  readonly backend: StoreBackend
  /** Missing where no queue is open. */
  readonly features?: StoreFeatures
}

/** All queues together, as of a second ago. */
export interface QueuesStatus {
  readonly backend: StoreBackend
  readonly count: number
  /** Names of those that cannot work. */
  readonly failed: readonly string[]
  /** Messages that are not done with, in flight or not. */
  readonly waiting: number
  readonly deadLetters: number
  /** Places of the store that are known to be damaged. */
  readonly damaged: number
}

/** A message as it stands in a queue. */
export interface QueuedInfo {
  readonly position: number
  readonly state: StoredState
  readonly kind: 'publish' | 'request'
  readonly subject: string
  /** Who sent it; missing where that is not known any more. */
  readonly sender?: string
  /** When it was sent. Microseconds since the epoch */
  readonly time: number
  readonly attempts: number
  /** Milliseconds since the epoch, 0 where it does not apply. */
  readonly storedAt: number
  readonly dueAt: number
  readonly expiresAt: number
  readonly mid?: string
  readonly session?: string
  readonly lastError?: string
  readonly death?: { readonly reason: DeathReason; readonly at: number; readonly history: readonly AttemptRecord[] }
  readonly headers?: Readonly<Record<string, unknown>>
  /** Of the payload. */
  readonly bytes: number
  /** The beginning of the payload as text. */
  readonly preview: string
  /** The whole of it, where it was asked for and is not too large; see `QueueInspection.isCut`. */
  readonly payload?: unknown
}

/** Dead letters, or what waits. */
export type QueuePart = 'waiting' | 'dead'

export interface InspectQuery {
  readonly name: string
  /** default: waiting */
  readonly which?: QueuePart
  /** Positions above it; default 0, from the first. */
  readonly after?: number
  /** 1..1000, default 10 */
  readonly limit?: number
  /** As in subscribe; docs/protocol.md. */
  readonly filter?: string
  /** Whole payloads too. */
  readonly payload?: boolean
}

export interface QueueInspection {
  readonly messages: readonly QueuedInfo[]
  /** What `after` must be to go on; 0: nothing follows. A filter may leave `messages` empty though something follows. */
  readonly next: number
  /** Payloads were left out, since they were too large together. */
  readonly isCut: boolean
}

/** Which messages are meant: those at `positions` (at most 1000), all that pass `filter`, or `all`. One of the three. */
export interface QueueSelection {
  readonly name: string
  readonly positions?: readonly number[]
  readonly filter?: string
  readonly all?: boolean
  /** With a filter: positions above it; default 0. */
  readonly after?: number
}

/** How many messages were changed; `next` as in QueueInspection: with a filter, one call looks at a part of the queue. */
export interface QueueChange {
  readonly changed: number
  readonly next: number
}

/** Work that takes longer than a call should: the first call begins it (or joins the same that is under way), others ask by its number. */
export interface StoreJob<Report> {
  readonly job: number
  readonly state: 'running' | 'done' | 'failed'
  /** Of `total`; both 0 before the first is known. */
  readonly done: number
  readonly total: number
  /** Done alone. */
  readonly report?: Report
  /** Failed alone. */
  readonly error?: ErrorBody
}

export interface StoreJobQuery {
  /** What became of that one; the other params do not count then. */
  readonly job?: number
}

/** Method → [params, answer]. */
export interface QueueMethods {
  'queue.list': [Readonly<Record<string, never>>, { readonly queues: readonly QueueInfo[]; readonly store: StoreInfo }]
  'queue.show': [{ readonly name: string }, QueueInfo & { readonly store: StoreInfo }]
  'queue.inspect': [InspectQuery, QueueInspection]
  /** Dead letters become messages again. */
  'queue.replay': [QueueSelection, QueueChange]
  'queue.purge': [QueueSelection & { readonly which?: QueuePart }, QueueChange]
  'queue.pause': [{ readonly name: string }, QueueInfo]
  'queue.resume': [{ readonly name: string }, QueueInfo]
  /** Reads everything and compares checksums; without a name all queues. */
  'queue.verify': [StoreJobQuery & { readonly name?: string }, StoreJob<VerifyReport>]
  /** Writes a copy of all queues, the channels and the identity of the home to a new file of the broker's machine. */
  'store.backup': [StoreJobQuery & { readonly file?: string }, StoreJob<BackupReport>]
}
