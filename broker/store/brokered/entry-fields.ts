// What a foreign store keeps of a message beside its frame, as short texts by name: servers have headers of text, with names and
// escapes of their own.

import type { AttemptRecord, DeathReason } from '../../ground/store.ts'
import type { DeadEntry, Entry, Kept } from './foreign-queue.ts'

export const fieldNames = ['id', 'session', 'sequence', 'due', 'expires', 'death', 'room'] as const
export type FieldName = (typeof fieldNames)[number]
/** What is not there is not said. */
export type EntryFields = { readonly [Name in FieldName]?: string }

/** From here on a frame may be near the largest message of a server. bytes */
const LARGE_BYTES = 64 * 1024
/** What makes a dead letter of a message, without its history: 250 characters with the escapes of NATS. What such a server would not bury it refuses at once. */
const ROOM = '0'.repeat(512)

/** Of a dead letter, what its message does not say. */
type Death = Pick<DeadEntry, 'position' | 'storedAtMs' | 'attempts' | 'atMs'> & { readonly reason: DeathReason; readonly history: readonly AttemptRecord[] }

export function entryFields(entry: Entry): EntryFields {
  const fields = ownFields(entry)
  return entry.frame.length < LARGE_BYTES ? fields : { ...fields, room: ROOM }
}

function ownFields({ messageId, session, sequence, dueAtMs, expiresAtMs }: Entry): EntryFields {
  return {
    // Half a surrogate pair is no text of any server.
    ...(messageId !== undefined && { id: messageId.toWellFormed() }),
    ...(session !== undefined && { session: session.toWellFormed() }),
    ...(sequence !== 0 && { sequence: String(sequence) }),
    ...(dueAtMs !== 0 && { due: String(dueAtMs) }),
    ...(expiresAtMs !== 0 && { expires: String(expiresAtMs) }),
  }
}

export function deadFields(entry: DeadEntry): EntryFields {
  const { position, storedAtMs, attempts, reason, atMs, history } = entry
  return { ...ownFields(entry), death: JSON.stringify({ position, storedAtMs, attempts, reason, atMs, history } satisfies Death) }
}

export function readEntry({ id, session, sequence, due, expires }: EntryFields, frame: Uint8Array, position: number, storedAtMs: number): Kept {
  return { frame, position, storedAtMs, messageId: id, session, sequence: Number(sequence ?? 0), dueAtMs: Number(due ?? 0), expiresAtMs: Number(expires ?? 0) }
}

/** undefined: it is no dead letter. */
export function readDead(fields: EntryFields, frame: Uint8Array): DeadEntry | undefined {
  if (fields.death === undefined) return undefined
  const { position, storedAtMs, ...death } = JSON.parse(fields.death) as Death
  return { ...readEntry(fields, frame, position, storedAtMs), ...death }
}
