// A message of a queue as value and headers of a record of Kafka: the value is the frame.

import type { AttemptRecord, DeathReason } from '../../ground/store.ts'
import type { DeadEntry, Entry, Kept } from '../brokered/foreign-queue.ts'
import type { LogRecord } from './partition-log.ts'

const ID = 'callboard-id'
const SESSION = 'callboard-session'
const SEQUENCE = 'callboard-sequence'
const DUE = 'callboard-due'
const EXPIRES = 'callboard-expires'
const DEATH = 'callboard-death'
/** By which a repeat is known. */
const DEDUPE = 'callboard-dedupe'

type Headers = Record<string, string>

export function entryHeaders({ messageId, session, sequence, dueAtMs, expiresAtMs }: Entry, dedupe?: string): Headers {
  const written: Headers = {}
  if (messageId !== undefined) written[ID] = messageId
  if (session !== undefined) written[SESSION] = session
  if (sequence !== 0) written[SEQUENCE] = String(sequence)
  if (dueAtMs !== 0) written[DUE] = String(dueAtMs)
  if (expiresAtMs !== 0) written[EXPIRES] = String(expiresAtMs)
  if (dedupe !== undefined) written[DEDUPE] = dedupe
  return written
}

export function readEntry({ offset, timestampMs, value, headers }: LogRecord): Kept {
  const number = (name: string): number => Number(headers[name] ?? 0)
  return { frame: value, position: offset + 1, storedAtMs: timestampMs, messageId: headers[ID], session: headers[SESSION], sequence: number(SEQUENCE), dueAtMs: number(DUE), expiresAtMs: number(EXPIRES) }
}

export function dedupeOf({ headers }: LogRecord): string | undefined {
  return headers[DEDUPE]
}

interface Death {
  readonly position: number
  readonly storedAtMs: number
  readonly attempts: number
  readonly reason: DeathReason
  readonly atMs: number
  readonly history: readonly AttemptRecord[]
}

export function deadHeaders(entry: DeadEntry): Headers {
  const { position, storedAtMs, attempts, reason, atMs, history } = entry
  return { ...entryHeaders(entry), [DEATH]: JSON.stringify({ position, storedAtMs, attempts, reason, atMs, history } satisfies Death) }
}

/** undefined: it is no dead letter. */
export function readDead(record: LogRecord): DeadEntry | undefined {
  const death = record.headers[DEATH]
  return death === undefined ? undefined : { ...readEntry(record), ...(JSON.parse(death) as Death) }
}
