// What a log itself says of commits that are gone, where the mark cannot: whole frames behind a damaged one. Reads only.
//
//   frame │ frame │ damaged │ frame │ frame        SQLite stops at the damaged one; those behind were written, and count no more
//                             └── rows above the last position that the database knows were stored, and are missing

import { existsSync } from 'node:fs'
import { openRaw } from './raw-database.ts'
import { messageOf, Owners } from './raw-rows.ts'
import { readWal } from './wal-file.ts'

/** Positions of one queue that are missing: those above `after`, up to `upTo`. */
export interface MissingRange {
  readonly id: number
  readonly queue: string
  readonly after: number
  readonly upTo: number
}

/**
 * Positions that stand behind the damage of a log, and may be followed by more that do not; undefined: the log shows no damage. Takes the time that
 * reading the log takes.
 */
export function missingBehind(path: string, queues: readonly { readonly id: number; readonly name: string; readonly last_position: number }[]): MissingRange[] | undefined {
  const log = `${path}-wal`
  if (!existsSync(log)) return undefined
  const contents = readWal(log)
  if (contents?.frames.some(({ state }) => state === 'behind') !== true) return undefined
  const furthest = new Map<number, number>()
  const owners = new Owners(queues)
  const raw = openRaw(path)
  try {
    for (const found of raw.rowsBehind()) {
      const row = messageOf(found)?.row
      const owner = row && owners.of(row)
      if (row !== undefined && owner !== undefined) furthest.set(owner, Math.max(row.position, furthest.get(owner) ?? 0))
    }
  } finally {
    raw.close()
  }
  return queues.flatMap(({ id, name, last_position: after }) => {
    const upTo = furthest.get(id) ?? 0
    return upTo > after ? [{ id, queue: name, after, upTo }] : []
  })
}
