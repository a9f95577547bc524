// A message of a queue as headers and body of a JetStream message: the body is the frame. Texts are escaped, as headers end at a line's end.

import { headers, type MsgHdrs } from '@nats-io/transport-node'
import type { AttemptRecord, DeathReason } from '../../ground/store.ts'
import type { DeadEntry, Entry, Kept } from '../brokered/foreign-queue.ts'

const ID = 'Callboard-Id'
const SESSION = 'Callboard-Session'
const SEQUENCE = 'Callboard-Sequence'
const DUE = 'Callboard-Due'
const EXPIRES = 'Callboard-Expires'
const DEATH = 'Callboard-Death'
/** By which JetStream knows repeats. */
const DEDUPE = 'Nats-Msg-Id'
/** JetStream keeps a message only if the last one of its subject has that number; 0: there is none. */
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence'

/** undefined where there is nothing to say: headers cost the server time. */
export function entryHeaders({ messageId, session, sequence, dueAtMs, expiresAtMs }: Entry, dedupe?: string): MsgHdrs | undefined {
  if (messageId === undefined && session === undefined && dedupe === undefined && sequence + dueAtMs + expiresAtMs === 0) return undefined
  const written = headers()
  if (messageId !== undefined) written.set(ID, encodeURIComponent(messageId.toWellFormed()))
  if (session !== undefined) written.set(SESSION, encodeURIComponent(session.toWellFormed()))
  if (sequence !== 0) written.set(SEQUENCE, String(sequence))
  if (dueAtMs !== 0) written.set(DUE, String(dueAtMs))
  if (expiresAtMs !== 0) written.set(EXPIRES, String(expiresAtMs))
  if (dedupe !== undefined) written.set(DEDUPE, encodeURIComponent(dedupe.toWellFormed()))
  return written
}

export function readEntry(read: MsgHdrs | undefined, frame: Uint8Array, position: number, storedAtMs: number): Kept {
  const text = (name: string): string | undefined => (read?.has(name) === true ? decodeURIComponent(read.get(name)) : undefined)
  const number = (name: string): number => (read?.has(name) === true ? Number(read.get(name)) : 0)
  return { frame, position, storedAtMs, messageId: text(ID), session: text(SESSION), sequence: number(SEQUENCE), dueAtMs: number(DUE), expiresAtMs: number(EXPIRES) }
}

interface Death {
  readonly position: number
  readonly storedAtMs: number
  readonly attempts: number
  readonly reason: DeathReason
  readonly atMs: number
  readonly history: readonly AttemptRecord[]
}

/** Refused by JetStream when that position has a dead letter already. */
export function deadHeaders(entry: DeadEntry): MsgHdrs {
  const { position, storedAtMs, attempts, reason, atMs, history } = entry
  const written = entryHeaders(entry) ?? headers()
  written.set(DEATH, encodeURIComponent(JSON.stringify({ position, storedAtMs, attempts, reason, atMs, history } satisfies Death)))
  written.set(EXPECTED, '0')
  return written
}

export function readDead(read: MsgHdrs, frame: Uint8Array): DeadEntry {
  const { position, storedAtMs, ...death } = JSON.parse(decodeURIComponent(read.get(DEATH))) as Death
  return { ...readEntry(read, frame, position, storedAtMs), ...death }
}
