// A message of a queue as value and headers of a record of Kafka: the value is the frame.

import { deadFields, entryFields, fieldNames, readDead as deadOf, readEntry as entryOf, type EntryFields } from '../brokered/entry-fields.ts'
import type { DeadEntry, Entry, Kept } from '../brokered/foreign-queue.ts'
import type { LogRecord } from './partition-log.ts'

const PREFIX = 'callboard-'
/** By which a repeat is known. */
const DEDUPE = `${PREFIX}dedupe`

type Headers = Record<string, string>

export function entryHeaders(entry: Entry, dedupe?: string): Headers {
  return { ...written(entryFields(entry)), ...(dedupe !== undefined && { [DEDUPE]: dedupe }) }
}

export function readEntry({ offset, timestampMs, value, headers }: LogRecord): Kept {
  return entryOf(read(headers), value, offset + 1, timestampMs)
}

export function dedupeOf({ headers }: LogRecord): string | undefined {
  return headers[DEDUPE]
}

export function deadHeaders(entry: DeadEntry): Headers {
  return written(deadFields(entry))
}

/** undefined: it is no dead letter. */
export function readDead({ value, headers }: LogRecord): DeadEntry | undefined {
  return deadOf(read(headers), value)
}

function written(fields: EntryFields): Headers {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [PREFIX + name, text]))
}

function read(headers: LogRecord['headers']): EntryFields {
  return Object.fromEntries(fieldNames.flatMap((name) => (headers[PREFIX + name] === undefined ? [] : [[name, headers[PREFIX + name]!]])))
}
