// The failed attempts of a message as they stand in its row: [[attempt, ended at, error] …], the last ones.

import type { AttemptRecord } from '../../ground/store.ts'
import type { QueueSeal } from './row-seal.ts'

const MAX_RECORDS = 20
const MAX_ERROR = 1024

type Entry = readonly [attempt: number, endedAtMs: number, error: string]

/** What stands in a row with one more. */
export function withFailure(seal: QueueSeal, position: number, errors: unknown, { attempt, endedAtMs, error }: AttemptRecord): string | Uint8Array {
  const entries: Entry[] = readErrors(seal, position, errors).map((record) => [record.attempt, record.endedAtMs, record.error])
  entries.push([attempt, endedAtMs, error.slice(0, MAX_ERROR)])
  return seal.sealText(position, JSON.stringify(entries.slice(-MAX_RECORDS)))
}

/** Nothing where it cannot be read: a message is not lost for its history. */
export function readErrors(seal: QueueSeal, position: number, errors: unknown): AttemptRecord[] {
  if (errors === null || errors === undefined) return []
  try {
    const entries = JSON.parse(seal.openText(position, errors) ?? '[]') as Entry[]
    return entries.map(([attempt, endedAtMs, error]) => ({ attempt, endedAtMs, error }))
  } catch {
    return []
  }
}
