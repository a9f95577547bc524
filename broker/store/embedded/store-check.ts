// Reads everything in a store and compares it with its checksums, its counts and its own structure. Reads only; knows no thread.
//
//   structure   SQLite's integrity check, per queue: pages, order, and every row in its indexes (a message that is missing in the index of due
//               times would wait for ever)
//   rows        each against its sum; in order, once, no position above the last one given
//   counts      rows and bytes against the totals of the queue: what vanished with a page whose neighbours look whole
//   log         commits that were missing when the store was opened; see commit-watch.ts

import type { DatabaseSync } from 'node:sqlite'
import type { Damage } from '../../ground/store.ts'
import { isRemoved } from './removed-name.ts'
import { StoreSeal } from './row-seal.ts'
import { storeSum, totalsSum } from './row-sum.ts'
import { walkRows, type TableKind } from './row-walk.ts'

export interface CheckProgress {
  readonly checked: number
  readonly total: number
}

/** One queue as its row in the table `queues` says. */
export interface QueueRow {
  readonly id: number
  readonly name: string
  readonly last_position: number
  readonly waiting: number
  readonly waiting_bytes: number
  readonly scheduled: number
  readonly dead: number
  readonly dead_bytes: number
  readonly sum: number
}

/** Of one kind: a store with a million damaged rows is told by its first ones, and their number. */
const MAX_TOLD = 1000
/** Problems of structure that SQLite looks for before it stops. */
const MAX_STRUCTURE = 100

/**
 * Yields after each batch, so that the caller may pause or stop; the damages are in `found` then.
 * @param only one queue by name; undefined: all of them, and what belongs to none
 */
export function* checkStore(sql: DatabaseSync, only: string | undefined, found: Damage[]): Generator<CheckProgress> {
  const tell = (damage: Damage): void => {
    if (found.length < MAX_TOLD) found.push(damage)
  }
  let queues: QueueRow[]
  try {
    queues = readQueues(sql, () => tell({ queue: '', problem: 'the table of queues has a row that is none' })).filter(({ name }) => only === undefined || name === only)
  } catch (error) {
    tell({ queue: only ?? '', problem: `the table of queues cannot be read: ${(error as Error).message}` })
    return
  }
  const total = queues.reduce((sum, { waiting, dead }) => sum + countOf(waiting) + countOf(dead), 0)
  let checked = 0
  for (const queue of queues) {
    for (const batch of checkRows(sql, queue, tell)) {
      checked += batch
      yield { checked, total: Math.max(total, checked) }
    }
    checkCounts(sql, queue, tell)
    yield { checked, total: Math.max(total, checked) }
    for (const table of [`waiting_${queue.id}`, `dead_${queue.id}`, `ids_${queue.id}`, `order_${queue.id}`]) {
      checkStructure(sql, queue.name, table, tell)
      yield { checked, total: Math.max(total, checked) }
    }
  }
  if (only !== undefined) return
  checkStoreRow(sql, tell)
  // Those of SQLite itself as well: a store whose list of tables or of last numbers is damaged does not open.
  for (const table of ['store', 'queues', 'sqlite_sequence', 'sqlite_schema']) checkStructure(sql, '', table, tell)
}

function checkStoreRow(sql: DatabaseSync, tell: (damage: Damage) => void): void {
  try {
    const row = sql.prepare('SELECT store_id, epoch, clock_ms, sum FROM store').get() as { store_id: unknown; epoch: number; clock_ms: number; sum: number } | undefined
    if (row === undefined || storeSum(String(row.store_id), row.epoch, row.clock_ms) !== row.sum) tell({ queue: '', problem: 'the checksum of the row of the store does not fit' })
  } catch (error) {
    tell({ queue: '', problem: `the row of the store cannot be read: ${(error as Error).message}` })
  }
}

/** All queues of a store, by their numbers, without those that are being removed. Rows without number or name, which only damage makes, are passed over and told. */
export function readQueues(sql: DatabaseSync, onDamaged: () => void = () => {}): QueueRow[] {
  const rows = sql.prepare('SELECT * FROM queues ORDER BY id').all() as { id: unknown; name: unknown }[]
  return rows.filter(({ id, name }) => {
    const isQueue = Number.isSafeInteger(id) && typeof name === 'string'
    if (!isQueue) onDamaged()
    return isQueue && !isRemoved({ id: id as number, name })
  }) as unknown as QueueRow[]
}

/** Its checksum fits; a queue that was only made has none yet. */
export function isWholeQueue(row: QueueRow): boolean {
  const totals = totalsOf(row)
  return totalsSum(row.id, row.name, totals) === row.sum || (row.sum === 0 && totals.every(value => value === 0))
}

/** The columns of a queue's row that its checksum covers beside number and name, in their order. */
export function totalsOf(row: QueueRow): number[] {
  return Object.entries(row).flatMap(([column, value]) => (column === 'id' || column === 'name' || column === 'sum' ? [] : [Number(value)]))
}

function* checkRows(sql: DatabaseSync, queue: QueueRow, tell: (damage: Damage) => void): Generator<number> {
  const seal = StoreSeal.keyless().queue(queue.name)
  for (const kind of ['waiting', 'dead'] as const) {
    for (const step of steps(sql, queue, kind, tell)) {
      if ('gap' in step) {
        const { after, before, problem } = step.gap
        tell({ queue: queue.name, position: after + 1, problem: `${kindText(kind)} from ${after + 1}${before === undefined ? ' on' : ` to ${before - 1}`} cannot be read: ${problem}` })
        continue
      }
      for (const row of step.rows) {
        const damage = seal.check(row)
        if (damage !== undefined) tell({ queue: queue.name, position: row.position, problem: damage })
      }
      yield step.rows.length
    }
  }
}

function* steps(sql: DatabaseSync, queue: QueueRow, kind: TableKind, tell: (damage: Damage) => void): ReturnType<typeof walkRows> {
  try {
    yield* walkRows(sql, queue.id, kind)
  } catch (error) {
    if (isDeleted(sql, queue.id)) return
    tell({ queue: queue.name, problem: `the table of ${kindText(kind)} cannot be read: ${(error as Error).message}` })
  }
}

/** In one transaction, as the totals change with each message. */
function checkCounts(sql: DatabaseSync, { id, name }: QueueRow, tell: (damage: Damage) => void): void {
  try {
    sql.exec('BEGIN')
    const row = sql.prepare('SELECT * FROM queues WHERE id = ?').get(id) as unknown as QueueRow | undefined
    // Deleted meanwhile.
    if (row === undefined || isRemoved(row)) return
    if (!isWholeQueue(row)) tell({ queue: name, problem: 'the checksum of its totals does not fit' })
    const waiting = sql.prepare(`SELECT count(*) AS count, coalesce(sum(length(frame)), 0) AS bytes, coalesce(sum(due_at > 0), 0) AS scheduled, coalesce(max(position), 0) AS last FROM waiting_${id} NOT INDEXED`).get() as Record<string, number>
    const dead = sql.prepare(`SELECT count(*) AS count, coalesce(sum(length(frame)), 0) AS bytes, coalesce(max(position), 0) AS last FROM dead_${id} NOT INDEXED`).get() as Record<string, number>
    const both = sql.prepare(`SELECT count(*) AS count, min(position) AS position FROM dead_${id} WHERE position IN (SELECT position FROM waiting_${id})`).get() as { count: number; position: number | null }
    const expect = (what: string, is: number | undefined, said: number): void => {
      if (is !== said) tell({ queue: name, problem: `${what}: ${is} are there, the queue counted ${said}` })
    }
    expect('messages that wait', waiting['count'], row.waiting)
    expect('bytes of messages that wait', waiting['bytes'], row.waiting_bytes)
    expect('messages with a due time', waiting['scheduled'], row.scheduled)
    expect('dead letters', dead['count'], row.dead)
    expect('bytes of dead letters', dead['bytes'], row.dead_bytes)
    const last = Math.max(waiting['last']!, dead['last']!)
    if (last > row.last_position) tell({ queue: name, position: last, problem: `it is there, and the last position that was given is ${row.last_position}` })
    if (both.count > 0) tell({ queue: name, position: both.position!, problem: `${both.count} are dead letters and wait as well` })
  } catch (error) {
    tell({ queue: name, problem: `it cannot be counted: ${(error as Error).message}` })
  } finally {
    if (sql.isTransaction) sql.exec('ROLLBACK')
  }
}

/** A queue that was deleted, or begun to be, while it was looked at. */
function isDeleted(sql: DatabaseSync, id: number): boolean {
  try {
    const row = sql.prepare('SELECT id, name FROM queues WHERE id = ?').get(id) as { id: number; name: unknown } | undefined
    return row === undefined || isRemoved(row)
  } catch {
    return false
  }
}

function checkStructure(sql: DatabaseSync, queue: string, table: string, tell: (damage: Damage) => void): void {
  try {
    if (table !== 'sqlite_schema' && sql.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) === undefined) return
    for (const row of sql.prepare(`PRAGMA integrity_check('${table}')`).all() as { integrity_check: string }[]) {
      if (row.integrity_check !== 'ok') for (const problem of row.integrity_check.split('\n').slice(0, MAX_STRUCTURE)) tell({ queue, problem: `${table}: ${problem}` })
    }
  } catch (error) {
    tell({ queue, problem: `${table}: ${(error as Error).message}` })
  }
}

function kindText(kind: TableKind): string {
  return kind === 'waiting' ? 'messages' : 'dead letters'
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0
}
