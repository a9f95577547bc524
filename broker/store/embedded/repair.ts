// Makes a store whole again that is damaged: every intact row into a new file, the rest into quarantine, the old files aside.
//
//   table by table, as SQLite reads them ─▶ ┐
//   pages that SQLite does not reach      ─▶ ├─▶ checksum fits? ─▶ repair-<time>/queues.db ─▶ checked ─▶ swap
//   logs that were kept, for what they lost ▶ ┘        └─ no ─▶ quarantine-<time>.jsonl        old files ─▶ replaced-<time>/
//
// Nothing of the old store is changed before the new one is whole, and nothing of it is deleted then.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import type { RepairReport } from '../../ground/store.ts'
import type { Progress } from './backup-file.ts'
import { CommitMark, peekMark } from './commit-mark.ts'
import { keptLogs, watchCommits } from './commit-watch.ts'
import { Database } from './database.ts'
import type { MissingRange } from './log-evidence.ts'
import { Quarantine } from './quarantine.ts'
import { openRaw } from './raw-database.ts'
import { Owners, messageOf } from './raw-rows.ts'
import { columnsOf, copyTable, readOldStore, writeQueue, writeStore, type OldStore } from './repair-tables.ts'
import { walkRows, type TableKind } from './row-walk.ts'
import { Salvage } from './salvage.ts'
import { checkStore } from './store-check.ts'
import { databaseName, databaseState, finishSwap, markName, swapFiles, timedName } from './store-files.ts'
import { takeStore } from './store-lock.ts'
import { verifyStore } from './verify.ts'

export interface RepairWishes {
  readonly directory: string
  /** Says what would be done; the store stays as it is. */
  readonly isDryRun: boolean
  /** Names of queues that there may be, for a store whose list of them is damaged. */
  readonly names: readonly string[]
  /** undefined: whatever is damaged; else nothing is done when this queue is not. */
  readonly queue?: string | undefined
}

export interface Repaired extends RepairReport {
  /** Messages whose attempts and due time were damaged: they begin anew. */
  readonly begunAnew: number
  /** Where the old files are; '' = nothing was replaced. */
  readonly aside: string
}

/**
 * Repairs the store that nobody has open.
 * @throws BrokerError `store.in_use`; `store.failed` when the new store cannot be written, or the database is gone and nothing is left of it:
 * the old files are as they were
 */
export async function repairStore({ directory, isDryRun, names, queue }: RepairWishes, onProgress: Progress): Promise<Repaired> {
  if (databaseState(directory) === 'none') return { checked: 0, damages: [], salvaged: 0, begunAnew: 0, quarantine: '', aside: '' }
  const lock = takeStore(directory)
  try {
    finishSwap(directory)
    const isGone = databaseState(directory) === 'gone'
    const lastPositions = isGone ? positionsOf(directory) : watchCommits(directory).lastPositions
    const { checked, damages } = await verifyStore({ directory, queue }, onProgress)
    if (damages.length === 0) return { checked, damages, salvaged: 0, begunAnew: 0, quarantine: '', aside: '' }
    const work = timedName('repair')
    mkdirSync(join(directory, work), { mode: 0o700 })
    try {
      const quarantine = new Quarantine(isDryRun ? undefined : join(directory, `${timedName('quarantine')}.jsonl`))
      const salvage = rebuild(directory, join(directory, work), names, lastPositions, quarantine)
      quarantine.close()
      // An empty store in the place of a lost one would look like a repair.
      if (isGone && salvage.kept + quarantine.count === 0) throw nothingLeft(directory)
      const report = { checked, damages, salvaged: salvage.kept, begunAnew: salvage.begunAnew, quarantine: quarantine.count > 0 ? quarantine.path : '' }
      return { ...report, aside: isDryRun ? '' : swapFiles(directory, work) }
    } finally {
      rmSync(join(directory, work), { recursive: true, force: true })
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error
    throw new BrokerError('store.failed', { backend: 'embedded', problem: `the repair ended: ${(error as Error).message}; the store is as it was` }, { cause: error })
  } finally {
    lock.release()
  }
}

function nothingLeft(directory: string): BrokerError {
  return new BrokerError('store.failed', { backend: 'embedded', problem: `${join(directory, databaseName)} is missing or empty, and no message could be salvaged from the files beside it, which stay as they are: put it back, restore a backup with callboard restore FILE --replace, or move ${directory} away to begin anew` })
}

function rebuild(directory: string, work: string, names: readonly string[], marked: ReadonlyMap<number, number>, quarantine: Quarantine): Salvage {
  const database = new Database(work)
  const { sql } = database
  try {
    // It counts only when it is whole and synced; see swapFiles.
    sql.exec('PRAGMA synchronous = OFF')
    const old = readOldStore(join(directory, databaseName), columnsOf(sql), names, { isGone: databaseState(directory) === 'gone', logs: keptFiles(directory).map(({ log }) => log) })
    const salvage = new Salvage(sql, quarantine)
    for (const { id, name } of old.queues) salvage.addQueue(id, name)
    fromTables(directory, old, sql, salvage, quarantine)
    fromPages(directory, old, salvage, quarantine)
    fromKeptLogs(directory, old, salvage)
    salvage.flush()
    const last = givenPositions(directory, marked)
    for (const queue of old.queues) writeQueue(sql, queue, last.get(queue.id) ?? 0)
    const epoch = writeStore(sql, old)
    const damages = [...checked(sql)]
    if (damages.length > 0) throw new Error(`the new store is not whole: ${damages[0]!.problem}`)
    const { storeId } = old
    sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    writeMark(work, storeId, epoch, sql)
    return salvage
  } finally {
    database.close()
  }
}

/** What SQLite reads, in order. */
function fromTables(directory: string, old: OldStore, into: DatabaseSync, salvage: Salvage, quarantine: Quarantine): void {
  // An empty database would cost us its log.
  if (databaseState(directory) === 'gone') return
  let sql: DatabaseSync | undefined
  try {
    sql = new DatabaseSync(join(directory, databaseName), { readOnly: true })
    for (const { id, name } of old.queues) {
      // A dead letter that waits as well, by damage, is dead: it was judged already.
      for (const kind of ['dead', 'waiting'] as const) attempt(() => walk(sql!, id, kind, salvage), problem => quarantine.add(name, `${kind}_${id}: ${problem}`, {}))
      salvage.flush()
      for (const table of [`ids_${id}`, `order_${id}`]) attempt(() => copyTable(sql!, table, into), problem => quarantine.add(name, `${table}: ${problem}`, {}))
    }
  } catch (error) {
    quarantine.add('', `${databaseName}: ${(error as Error).message}`, {})
  } finally {
    sql?.close()
  }
}

function walk(sql: DatabaseSync, id: number, kind: TableKind, salvage: Salvage): void {
  for (const step of walkRows(sql, id, kind)) if ('rows' in step) for (const row of step.rows) salvage.add(id, kind, row)
}

/** What stands in pages that are in use and SQLite did not get to. Rows that it read are there already. */
function fromPages(directory: string, old: OldStore, salvage: Salvage, quarantine: Quarantine): void {
  const raw = openRaw(join(directory, databaseName))
  try {
    const owners = new Owners(old.queues)
    for (const found of raw.rows()) {
      const message = messageOf(found)
      if (message === undefined) continue
      const owner = owners.of(message.row)
      if (owner === undefined) quarantine.add('', 'its checksum fits no queue', { kind: message.kind, ...message.row })
      else salvage.add(owner, message.kind, message.row)
    }
    if (raw.unreadable > 0) quarantine.add('', `${raw.unreadable} cells of pages cannot be understood; they stand in the old files`, {})
  } finally {
    raw.close()
  }
}

/** Messages that a log lost, as far as its pages behind the damage hold them. Nothing else of those pages: it went on elsewhere. */
function fromKeptLogs(directory: string, old: OldStore, salvage: Salvage): void {
  const owners = new Owners(old.queues)
  for (const { log, missing } of keptFiles(directory)) {
    if (missing.length === 0) continue
    const raw = openRaw(join(directory, databaseName), log)
    try {
      for (const found of raw.rowsBehind()) {
        const message = messageOf(found)
        const owner = message && owners.of(message.row)
        if (message === undefined || owner === undefined) continue
        const { position } = message.row
        if (missing.some(({ id, after, upTo }) => id === owner && position > after && position <= upTo)) salvage.add(owner, message.kind, message.row)
      }
    } finally {
      raw.close()
    }
  }
}

function keptFiles(directory: string): { log: string; missing: readonly MissingRange[] }[] {
  return keptLogs(directory).map(({ directory: kept, note }) => ({ log: join(kept, `${databaseName}-wal`), missing: note.missing })).filter(({ log }) => existsSync(log))
}

/** Positions that were given out in each queue: by the mark, and by logs that were kept. */
function givenPositions(directory: string, marked: ReadonlyMap<number, number>): Map<number, number> {
  const last = new Map(marked)
  for (const { note } of keptLogs(directory)) for (const { id, upTo } of note.missing) last.set(id, Math.max(upTo, last.get(id) ?? 0))
  return last
}

/** Of a mark whose database is gone. */
function positionsOf(directory: string): ReadonlyMap<number, number> {
  const mark = peekMark(join(directory, markName), undefined)
  return typeof mark === 'object' ? mark.lastPositions : new Map<number, number>()
}

function checked(sql: DatabaseSync): RepairReport['damages'] {
  const damages: RepairReport['damages'][number][] = []
  for (const _ of checkStore(sql, undefined, damages)) { /* all of it */ }
  return damages
}

function writeMark(work: string, storeId: string, epoch: number, sql: DatabaseSync): void {
  const mark = new CommitMark(join(work, markName), Buffer.from(storeId, 'hex'))
  for (const { id, last_position: last } of sql.prepare('SELECT id, last_position FROM queues').all() as { id: number; last_position: number }[]) mark.position(id, last)
  mark.note(epoch, true)
  mark.close()
}

function attempt(work: () => void, failed: (problem: string) => void): void {
  try {
    work()
  } catch (error) {
    failed((error as Error).message)
  }
}
