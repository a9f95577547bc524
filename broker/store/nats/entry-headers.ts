// A message of a queue as headers and body of a JetStream message: the body is the frame. Texts are escaped, as headers end at a line's end.

import { headers, type MsgHdrs } from '@nats-io/transport-node'
import { deadFields, entryFields, fieldNames, readDead as deadOf, readEntry as entryOf, type EntryFields, type FieldName } from '../brokered/entry-fields.ts'
import type { DeadEntry, Entry, Kept } from '../brokered/foreign-queue.ts'

const headerOf: Readonly<Record<FieldName, string>> = { id: 'Callboard-Id', session: 'Callboard-Session', sequence: 'Callboard-Sequence', due: 'Callboard-Due', expires: 'Callboard-Expires', death: 'Callboard-Death', room: 'Callboard-Room' }
/** By which JetStream knows repeats. */
const DEDUPE = 'Nats-Msg-Id'
/** JetStream keeps a message only if the last one of its subject has that number; 0: there is none. */
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence'

/** undefined where there is nothing to say: headers cost the server time. */
export function entryHeaders(entry: Entry, dedupe?: string): MsgHdrs | undefined {
  const fields = Object.entries(entryFields(entry)) as [FieldName, string][]
  if (fields.length === 0 && dedupe === undefined) return undefined
  const written = withFields(fields)
  if (dedupe !== undefined) written.set(DEDUPE, encodeURIComponent(dedupe.toWellFormed()))
  return written
}

export function readEntry(read: MsgHdrs | undefined, frame: Uint8Array, position: number, storedAtMs: number): Kept {
  return entryOf(fieldsOf(read), frame, position, storedAtMs)
}

/** Refused by JetStream when that position has a dead letter already. */
export function deadHeaders(entry: DeadEntry): MsgHdrs {
  const written = withFields(Object.entries(deadFields(entry)) as [FieldName, string][])
  written.set(EXPECTED, '0')
  return written
}

/** undefined: it is no dead letter. */
export function readDead(read: MsgHdrs, frame: Uint8Array): DeadEntry | undefined {
  return deadOf(fieldsOf(read), frame)
}

function withFields(fields: readonly (readonly [FieldName, string])[]): MsgHdrs {
  const written = headers()
  for (const [name, text] of fields) written.set(headerOf[name], encodeURIComponent(text))
  return written
}

function fieldsOf(read: MsgHdrs | undefined): EntryFields {
  return Object.fromEntries(fieldNames.flatMap((name) => (read?.has(headerOf[name]) === true ? [[name, unescaped(read.get(headerOf[name]))]] : [])))
}

// What others wrote into the stream may be no escape of ours.
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
