// Finds out, before a store is opened, whether commits are missing from its log, and keeps the log then: SQLite would write over it.
//
//   mark says 120, database says 118 ─▶ commits 119 and 120 are gone ─▶ kept-<time>/ { queues.db-wal, note.json } + Damage
//
// The store works on without them, as nobody can put them back while it runs; `queue repair` takes what can be read out of the kept log.
// Where the mark is damaged or missing, the log is asked: whole frames behind a damaged one are commits that are gone. Not found, as nobody
// promised otherwise: commits of durability `os` after the machine went down, and the last one when it ended together with the mark. Not found
// either: a log that is cut off while the mark is damaged; that the mark is, is told.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import type { Damage } from '../../ground/store.ts'
import { syncDirectory } from './backup-file.ts'
import { peekMark, type Noted } from './commit-mark.ts'
import { accessProblem } from './file-access.ts'
import { missingBehind, type MissingRange } from './log-evidence.ts'
import { databaseName, databaseState, finishSwap, markName } from './store-files.ts'

export interface CommitsSeen {
  /** To be told; empty when all that was noted is there. */
  readonly damages: readonly Damage[]
  /** Positions up to these were given out, by the queue's number: none of them may be given again, whatever the database says. */
  readonly lastPositions: ReadonlyMap<number, number>
}

/** What is written beside a log that was kept. */
export interface KeptNote {
  readonly atMs: number
  readonly damages: readonly Damage[]
  readonly missing: readonly MissingRange[]
}

export { databaseName, markName }

const KEPT = 'kept-'
/** https://www.sqlite.org/rescode.html#readonly_rollback */
const SQLITE_READONLY_ROLLBACK = 776

interface Peek {
  readonly storeId: Buffer
  readonly epoch: number
  readonly queues: readonly { readonly id: number; readonly name: string; readonly last_position: number }[]
}

/** Nothing was ever stored in it. */
const UNMADE: Peek = { storeId: Buffer.alloc(16), epoch: 0, queues: [] }

/**
 * Call before the database is opened for writing, by whoever has the store's lock. Changes nothing but for the copy of a log that lost something.
 * @throws BrokerError `store.failed` when this user cannot work with a file, and when the database is gone: an empty one in its place would hide that
 */
export function watchCommits(directory: string): CommitsSeen {
  // Before SQLite opens it: what it makes beside a database that cannot be written gets its mode, stays, and keeps the next start from working.
  const forbidden = accessProblem(directory)
  if (forbidden !== undefined) throw new BrokerError('store.failed', { backend: 'embedded', problem: forbidden })
  finishSwap(directory)
  const path = join(directory, databaseName)
  const state = databaseState(directory)
  if (state === 'none') return { damages: [], lastPositions: new Map() }
  if (state === 'gone') throw gone(directory)
  const peek = peekDatabase(path)
  if (typeof peek === 'string') {
    // Whoever opens it now fails, and closing it may empty the log.
    keep(directory, [{ queue: '', problem: peek }], [])
    return { damages: [{ queue: '', problem: peek }], lastPositions: new Map() }
  }
  const mark = peekMark(join(directory, markName), peek.storeId)
  const { damages, missing } = typeof mark === 'string' ? inDoubt(path, peek, withoutMark(mark, peek)) : compare(mark, peek, path)
  if (damages.length > 0) keep(directory, damages, missing)
  const lastPositions = new Map(typeof mark === 'string' ? [] : mark.lastPositions)
  for (const { id, upTo } of missing) lastPositions.set(id, Math.max(upTo, lastPositions.get(id) ?? 0))
  return { damages, lastPositions }
}

/** Notes beside logs that were kept, the oldest first. */
export function keptLogs(directory: string): { readonly directory: string; readonly note: KeptNote }[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory).filter(name => name.startsWith(KEPT)).toSorted().map(name => {
    const kept = join(directory, name)
    try {
      return { directory: kept, note: JSON.parse(readFileSync(join(kept, 'note.json'), 'utf8')) as KeptNote }
    } catch {
      return { directory: kept, note: { atMs: 0, damages: [{ queue: '', problem: `${kept}/note.json cannot be read` }], missing: [] } }
    }
  })
}

interface Lost {
  readonly damages: readonly Damage[]
  readonly missing: readonly MissingRange[]
}

function compare(mark: Noted, peek: Peek, path: string): Lost {
  const { epoch } = peek
  const isLost = epoch < mark.syncedEpoch || (epoch < mark.epoch && mark.isSameBoot)
  if (!isLost) return inDoubt(path, peek, halfMark(mark, epoch))
  const missing = peek.queues.flatMap(({ id, name, last_position: after }): MissingRange[] => {
    const upTo = mark.lastPositions.get(id) ?? 0
    return upTo > after ? [{ id, queue: name, after, upTo }] : []
  })
  // Queues that the lost commits made.
  for (const [id, upTo] of mark.lastPositions) if (!peek.queues.some(queue => queue.id === id)) missing.push({ id, queue: '', after: 0, upTo })
  const what = mark.epoch - epoch === 1 ? `commit ${mark.epoch} is` : `commits ${epoch + 1} to ${mark.epoch} are`
  const general: Damage = { queue: '', problem: `${what} missing: the end of ${databaseName}-wal is damaged; settlements in it are lost, so messages may come again` }
  return { damages: [general, ...missing.map(rangeDamage)], missing }
}

// What the mark would say is not known: the log itself may show that commits are gone.
function inDoubt(path: string, { queues }: Peek, damages: readonly Damage[]): Lost {
  const missing = damages.length === 0 ? undefined : missingBehind(path, queues)
  if (missing === undefined) return { damages, missing: [] }
  const general: Damage = { queue: '', problem: `commits are missing, and how many cannot be told: ${databaseName}-wal is damaged as well; settlements in them are lost, so messages may come again` }
  return { damages: [...damages, general, ...missing.map(rangeDamage)], missing }
}

// The slot that is damaged is an older one, or that of a commit which is gone: of the two nothing tells which. A database that is ahead of the
// slot that is left has the commit. After a start of the machine the slot may be one that was being written then.
function halfMark({ epoch: noted, isHalf, isSameBoot }: Noted, epoch: number): Damage[] {
  if (!isHalf || !isSameBoot || noted !== epoch) return []
  return [{ queue: '', problem: `half of ${markName} is damaged: whether commit ${epoch + 1} is missing cannot be told this time` }]
}

function rangeDamage({ queue, after, upTo }: MissingRange): Damage {
  return { queue, position: after + 1, problem: rangeText(after, upTo) }
}

function rangeText(after: number, upTo: number): string {
  return upTo === after + 1 ? `message ${upTo} was stored and is missing` : `messages ${after + 1} to ${upTo} were stored and are missing, but for those that were settled`
}

function withoutMark(state: 'none' | 'damaged' | 'foreign', { epoch }: Peek): Damage[] {
  // A store that was never written to has none.
  if (epoch === 0 && state === 'none') return []
  const what = { none: 'is missing', damaged: 'is damaged', foreign: 'belongs to another store' }[state]
  return [{ queue: '', problem: `${markName} ${what}: whether the last commits are all there cannot be told this time` }]
}

function peekDatabase(path: string): Peek | string {
  let sql: DatabaseSync | undefined
  try {
    // Reading only, closing it leaves the log as it is.
    sql = new DatabaseSync(path, { readOnly: true })
    const hasTables = sql.prepare(`SELECT count(*) AS count FROM sqlite_schema WHERE name IN ('store', 'queues')`).get() as { count: number }
    // A process was killed while it made the file; see `withoutMark` for what else it may be.
    if (hasTables.count < 2) return UNMADE
    const store = sql.prepare('SELECT store_id, epoch FROM store').get() as { store_id: unknown; epoch: unknown } | undefined
    if (store === undefined) return 'the table of the store is empty'
    return { storeId: Buffer.from(String(store.store_id), 'hex'), epoch: Number(store.epoch), queues: sql.prepare('SELECT id, name, last_position FROM queues').all() as unknown as Peek['queues'] }
  } catch (error) {
    if (isUnfinished(path, error)) return UNMADE
    return `${databaseName} cannot be read: ${(error as Error).message}`
  } finally {
    sql?.close()
  }
}

/** `store.failed`, with what to do. */
export function gone(directory: string): BrokerError {
  return new BrokerError('store.failed', { backend: 'embedded', problem: `${join(directory, databaseName)} is missing or empty, and the files beside it say that there was one: put it back, run callboard queue repair, restore a backup with --replace, or move ${directory} away to begin anew` })
}

// A journal of the old kind is there only before the file is switched to a write-ahead log: the first thing that is done with it. Whoever opens
// it for writing rolls that back.
function isUnfinished(path: string, error: unknown): boolean {
  return ((error as { readonly errcode?: number }).errcode ?? 0) === SQLITE_READONLY_ROLLBACK && existsSync(`${path}-journal`)
}

function keep(directory: string, damages: readonly Damage[], missing: readonly MissingRange[]): void {
  const log = join(directory, `${databaseName}-wal`)
  // A store that cannot be opened is tried again and again.
  const last = keptLogs(directory).at(-1)
  if (last !== undefined && JSON.stringify(last.note.damages) === JSON.stringify(damages) && sizeOf(join(last.directory, `${databaseName}-wal`)) === sizeOf(log)) return
  const kept = join(directory, `${KEPT}${new Date().toISOString().replaceAll(/[-:]/g, '')}`)
  mkdirSync(kept, { mode: 0o700 })
  if (existsSync(log)) copyFileSync(log, join(kept, `${databaseName}-wal`))
  // Pages of the log are read together with those of the file as it is now.
  writeFileSync(join(kept, 'note.json'), `${JSON.stringify({ atMs: Date.now(), damages, missing } satisfies KeptNote)}\n`, { mode: 0o600 })
  syncDirectory(kept)
  syncDirectory(directory)
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
