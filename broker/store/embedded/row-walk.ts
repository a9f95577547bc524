// Goes through the rows of a queue's table in order of their positions, past what cannot be read. Knows no checksums.
//
// A damaged page ends SQLite's reading of all that lies behind. So where a read fails, the next position that can be read is looked for, by
// steps that double and then halve; what lies between is a gap.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ReadRow } from './row-seal.ts'

export type TableKind = 'waiting' | 'dead'

/** A row with the columns of both kinds; damaged ones hold anything. */
export interface WalkedRow extends ReadRow {
  readonly position: number
  readonly attempts: unknown
  /** Of a dead letter: when it died. */
  readonly dueAtMs: unknown
  readonly errors: unknown
  /** Dead letters alone. */
  readonly reason: unknown
}

/** Positions above `after` and below `before` that cannot be read; `before` undefined: all above. */
export interface Gap {
  readonly after: number
  readonly before: number | undefined
  readonly problem: string
}

export type Step = { readonly rows: readonly WalkedRow[] } | { readonly gap: Gap }

const BATCH = 500
/** Positions are at most 2^53: more doublings find nothing. */
const MAX_STEP = 2 ** 53

/** Each step reads for itself: between two of them nothing keeps others from writing. */
export function* walkRows(sql: DatabaseSync, id: number, kind: TableKind): Generator<Step> {
  const table = `${kind}_${id}`
  const columns = kind === 'waiting' ? 'due_at AS dueAtMs, NULL AS reason' : 'died_at AS dueAtMs, reason'
  const whole = `SELECT position, stored_at AS storedAtMs, expires_at AS expiresAtMs, sequence, message_id AS messageId, session, frame AS blob, sum, attempts, errors, ${columns} FROM ${table}`
  const batch = sql.prepare(`${whole} WHERE position > ? ORDER BY position LIMIT ${BATCH}`)
  const single = sql.prepare(`${whole} WHERE position >= ? ORDER BY position LIMIT 1`)
  // An integer past 2^53, which only damage makes, would throw.
  single.setReadBigInts(true)
  for (let after = 0; ; ) {
    let rows: WalkedRow[]
    try {
      rows = batch.all(after) as unknown as WalkedRow[]
    } catch (error) {
      const one = readOne(single, after + 1)
      if (one === 'none') return
      if (typeof one === 'object') rows = [one]
      else {
        const next = nextReadable(single, after + 1)
        yield { gap: { after, before: next, problem: (error as Error).message } }
        if (next === undefined) return
        after = next - 1
        continue
      }
    }
    if (rows.length === 0) return
    // Positions that do not grow come from a page that stands where another should: what follows it is not reached in order.
    const disorder = rows.findIndex((row, index) => !(row.position > (index === 0 ? after : rows[index - 1]!.position)))
    if (disorder >= 0) {
      const good = rows.slice(0, disorder)
      if (good.length > 0) yield { rows: good }
      const last = good.at(-1)?.position ?? after
      yield { gap: { after: last, before: undefined, problem: `position ${String(rows[disorder]!.position)} follows ${last}: the order of the table is damaged` } }
      return
    }
    yield { rows }
    after = rows.at(-1)!.position
  }
}

/** The first row at or above `position`, `none` when there is none, `damaged` when it cannot be read. */
function readOne(single: StatementSync, position: number): WalkedRow | 'none' | 'damaged' {
  try {
    const row = single.get(position)
    if (row === undefined) return 'none'
    for (const [column, value] of Object.entries(row)) if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) row[column] = Number(value)
    return row['position'] !== undefined && Number(row['position']) >= position ? (row as unknown as WalkedRow) : 'damaged'
  } catch {
    return 'damaged'
  }
}

function nextReadable(single: StatementSync, from: number): number | undefined {
  let step = 1
  let found = readOne(single, from + step)
  while (found === 'damaged' && step < MAX_STEP) {
    step *= 2
    found = readOne(single, from + step)
  }
  // Between the last step that failed and this one.
  let [low, high] = [Math.floor(step / 2), step]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const there = readOne(single, from + middle)
    if (there === 'damaged') low = middle
    else {
      high = middle
      found = there
    }
  }
  return typeof found === 'object' ? found.position : undefined
}
