// The database file of a store: how it is opened, its format, and transactions that are as durable as was asked. Knows no queue.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import { failPoint } from '../../ground/fail-point.ts'
import type { Durability, StoreBackend } from '../../ground/store.ts'
import { databaseName } from './commit-watch.ts'
import type { LogWriter } from './log-writer.ts'
import { makePrivate, OwnFiles } from './own-files.ts'
import { storeSum } from './row-sum.ts'
import { isSyncFailure } from './store-errors.ts'
import { upgrade } from './upgrading.ts'
import { WriteBack } from './write-back.ts'

/** Grows when an older broker could not read what this one writes. */
const FORMAT = 2
/** Of a page. Twice SQLite's default: a fifth more appends a second with messages of 200 bytes. */
const PAGE_BYTES = 8192
/** Of the page cache. KiB */
const CACHE_KIB = 16 * 1024
/** The log is written back to the file when it has so many pages, 8 MiB: with 32 MiB as many commits a second, and the longest one waits three times as long. */
export const CHECKPOINT_PAGES = 1024

/** How long it waits for others who have the file. ms */
const BUSY_MS = 5000

/** What the store says of itself. */
interface StoreRow {
  readonly format: number
  readonly store_id: string
  readonly epoch: number
  readonly clock_ms: number
  readonly key_ring: string | null
  readonly sum: number
}

export class Database {
  readonly sql: DatabaseSync
  readonly backend: StoreBackend
  /** Of the file; of a store in memory the word. */
  readonly path: string
  readonly storeId: string
  readonly keyRing: string | undefined
  /** Number of the last commit. */
  epoch: number
  /** The latest time that the store has seen. Milliseconds since the epoch */
  clockMs: number
  /** Its own row is damaged: what is wrong with it. */
  readonly damage: string | undefined
  #isOpen = false
  #strength: Durability = 'memory'
  #synchronous: Durability | undefined
  /** A sync failed: what the log had then may never come to the disk, though a later sync succeeds. */
  #isLogInDoubt = false
  /** Nobody is served yet: it may wait for those who read the log. */
  #mayWait = false
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #note: StatementSync
  readonly #log: WriteBack
  readonly #files: OwnFiles | undefined

  /**
   * @param directory where the file is, made when there is none; undefined: the store is in memory
   * @param logWriter who writes the log of the file at that path back, where SQLite allows two to do it (3.51.3); undefined: whoever calls does
   * @param version of SQLite, which a test may say is older; undefined: it says itself
   * @throws BrokerError `store.version`; Error of SQLite
   */
  constructor(directory: string | undefined, logWriter?: (path: string) => LogWriter, version?: string) {
    this.backend = directory === undefined ? 'memory' : 'embedded'
    this.path = directory === undefined ? ':memory:' : join(directory, databaseName)
    if (directory !== undefined) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      // SQLite gives its log the mode of the file.
      makePrivate(this.path)
    }
    this.sql = new DatabaseSync(this.path)
    try {
      this.#prepareFile()
      upgrade(this.sql)
      const row = this.sql.prepare('SELECT format, store_id, epoch, clock_ms, key_ring, sum FROM store').get() as unknown as StoreRow
      if (row.format !== FORMAT) throw new BrokerError('store.version', { path: this.path, actual: row.format, expected: FORMAT })
      this.storeId = row.store_id
      this.keyRing = row.key_ring ?? undefined
      this.epoch = row.epoch
      const isWhole = row.sum === storeSum(row.store_id, row.epoch, row.clock_ms)
      this.damage = isWhole ? undefined : "the store's own row does not fit its checksum"
      // A clock that is ahead would make messages expire.
      this.clockMs = isWhole ? row.clock_ms : 0
      this.#begin = this.sql.prepare('BEGIN IMMEDIATE')
      this.#commit = this.sql.prepare('COMMIT')
      this.#note = this.sql.prepare('UPDATE store SET epoch = ?, clock_ms = ?, sum = ?')
      const { own } = this.sql.prepare('SELECT sqlite_version() AS own').get() as { own: string }
      const mayShare = directory !== undefined && writesBackSafely(version ?? own)
      this.#log = new WriteBack(this.sql, saysLogLength(version ?? own), mayShare ? logWriter?.(this.path) : undefined)
      if (directory !== undefined) this.#files = new OwnFiles([this.path, `${this.path}-wal`])
    } catch (error) {
      this.sql.close()
      throw error
    }
  }

  get isWriting(): boolean {
    return this.#isOpen
  }

  /** Called between transactions: the next one is likely to ask for this. SQLite does not take another word within it. */
  expect(strength: Durability): void {
    this.#synchronise(strength === 'fsync' ? 'fsync' : 'os')
  }

  /** What is written from here to `commit` holds as a whole, and with it what else is in the transaction. */
  write(strength: Durability): void {
    if (strength !== 'memory' && this.#strength !== 'fsync') this.#strength = strength
    if (this.#isOpen) return
    if (this.#isLogInDoubt) this.#renewLog()
    this.#begin.run()
    this.#isOpen = true
  }

  /**
   * True when it is on disk now, not only with the system.
   * @throws BrokerError `store.failed` when the file is not there any more; Error of SQLite
   */
  commit(nowMs: number): boolean {
    const isSynced = this.#strength === 'fsync'
    this.clockMs = Math.max(this.clockMs, nowMs)
    failPoint('store.before-commit')
    this.#files?.check()
    this.#commitOnce()
    // In memory there is nothing to sync.
    if (!isSynced || this.#synchronous === 'fsync' || this.backend === 'memory') return isSynced
    // Nobody had expected it: a second commit syncs the log with both.
    this.#synchronise('fsync')
    this.#begin.run()
    this.#commitOnce()
    return true
  }

  #commitOnce(): void {
    this.#note.run(this.epoch + 1, this.clockMs, storeSum(this.storeId, this.epoch + 1, this.clockMs))
    this.#commit.run()
    this.#end()
    this.epoch++
  }

  /** @param cause what failed, in a transaction or outside of one: when it was a sync, nothing is written before the log has begun anew */
  rollback(cause: unknown): void {
    this.#isLogInDoubt ||= isSyncFailure(cause)
    this.#end()
    // SQLite has rolled back by itself after some errors.
    if (this.sql.isTransaction) this.sql.exec('ROLLBACK')
  }

  /** The log may have commits that were never synced, by a process that ended: it begins anew before anything is written. */
  doubtLog(): void {
    this.#isLogInDoubt = this.#mayWait = this.backend === 'embedded'
  }

  // On Linux a sync that failed leaves its pages for clean, and the next one succeeds without them. What was committed for the system alone, in
  // the middle of the log, may be among them: after a loss of power the log would end there, and all that was acknowledged behind it be lost.
  // So all is written to the database, with a sync of its own, and the log begins anew.
  #renewLog(): void {
    const renew = (): { busy: number } => this.sql.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number }
    const { busy } = this.#mayWait ? renew() : this.withoutWaiting(renew)
    this.#mayWait = false
    if (busy !== 0) throw new BrokerError('store.unavailable', { backend: this.backend, problem: 'its log may lack a sync and has to begin anew, which it cannot while somebody reads it, such as a backup' })
    this.#isLogInDoubt = false
  }

  /** Works without waiting for anybody who reads or writes the file: a backup, or the check after a start. */
  withoutWaiting<Result>(work: () => Result): Result {
    // But for the thread that writes the log back, which is done soon.
    this.#log.wait()
    this.sql.exec('PRAGMA busy_timeout = 0')
    try {
      return work()
    } finally {
      this.sql.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    }
  }

  /** From now on `writeBack` writes the log back when it has so many pages. SQLite itself would do it within a commit, and say nothing of a sync that fails there; an older one has to. */
  writeBackAt(pages: number): void {
    this.sql.exec(`PRAGMA wal_autocheckpoint = ${this.#log.at(pages)}; PRAGMA journal_size_limit = ${2 * pages * PAGE_BYTES}`)
  }

  /**
   * Called between transactions, when nobody waits for the last one any more: writes a log that is long enough back to the file, as far as nobody
   * reads it. `isAny`: however long it is.
   * @throws Error of SQLite; the log is as it was
   */
  writeBack(isAny = false): void {
    if (this.backend !== 'memory') this.#log.step(isAny)
  }

  /** Writes and deletes so much, to see whether there is space. */
  probe(bytes: number, nowMs: number): void {
    this.expect('fsync')
    for (const statement of [`CREATE TABLE space AS SELECT zeroblob(${bytes}) AS bytes`, 'DROP TABLE space']) {
      this.write('fsync')
      this.sql.exec(statement)
      this.commit(nowMs)
    }
  }

  /** The clock was set back: what was seen of it does not count any more. */
  resetClock(nowMs: number): void {
    this.clockMs = nowMs
  }

  keepKeyRing(record: string): void {
    this.sql.prepare('UPDATE store SET key_ring = ?').run(record)
  }

  close(): void {
    this.#log.end()
    this.sql.close()
  }

  #end(): void {
    this.#isOpen = false
    this.#strength = 'memory'
  }

  // WAL with FULL syncs the log in each commit, with NORMAL only before a checkpoint.
  #synchronise(asked: Durability): void {
    if (asked === this.#synchronous || this.backend === 'memory') return
    this.sql.exec(asked === 'fsync' ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL')
    this.#synchronous = asked
  }

  #prepareFile(): void {
    const { sql } = this
    sql.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA cell_size_check = ON; PRAGMA busy_timeout = ${BUSY_MS};`)
    // Else a large statement has a journal of its own in /var/tmp: outside the home, in need of a file descriptor and of space on another disk.
    sql.exec('PRAGMA temp_store = MEMORY')
    // macOS: fsync alone leaves it in the disk's own cache.
    if (this.backend === 'embedded') sql.exec(`PRAGMA journal_mode = WAL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${2 * CHECKPOINT_PAGES * PAGE_BYTES};`)
    sql.exec(`BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, store_id TEXT NOT NULL, epoch INTEGER NOT NULL, clock_ms INTEGER NOT NULL, key_ring TEXT, sum INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS queues (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, paused INTEGER NOT NULL DEFAULT 0, last_position INTEGER NOT NULL DEFAULT 0,
        waiting INTEGER NOT NULL DEFAULT 0, waiting_bytes INTEGER NOT NULL DEFAULT 0, scheduled INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, dead_bytes INTEGER NOT NULL DEFAULT 0,
        stored INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL DEFAULT 0, forwarded INTEGER NOT NULL DEFAULT 0, dead_lettered INTEGER NOT NULL DEFAULT 0,
        expired INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, purged INTEGER NOT NULL DEFAULT 0, replayed INTEGER NOT NULL DEFAULT 0, retried INTEGER NOT NULL DEFAULT 0, sum INTEGER NOT NULL DEFAULT 0,
        attempted INTEGER NOT NULL DEFAULT 0);`)
    const storeId = randomBytes(16).toString('hex')
    sql.prepare('INSERT OR IGNORE INTO store VALUES (1, ?, ?, 0, 0, NULL, ?)').run(FORMAT, storeId, storeSum(storeId, 0, 0))
    sql.exec('COMMIT')
  }
}

/** Before SQLite 3.51 a checkpoint of NOOP is a PASSIVE one: it writes the log back, and syncs two files. */
function saysLogLength(version: string): boolean {
  return isFrom(version, 3, 51, 0)
}

/** Before SQLite 3.51.3 two connections that write the log back while it begins anew can damage the database ("WAL-reset bug", https://sqlite.org/wal.html): there one thread does it alone. */
function writesBackSafely(version: string): boolean {
  return isFrom(version, 3, 51, 3)
}

function isFrom(version: string, ...first: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  const at = first.findIndex((part, i) => (parts[i] ?? 0) !== part)
  return at < 0 || (parts[at] ?? 0) > first[at]!
}
