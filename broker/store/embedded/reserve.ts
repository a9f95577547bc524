// Space that a store keeps for the day on which its disk is full: what is consumed, settled or purged is written down, too.
//
//   appends while  free + reserve ≥ 2 × what comes + the log (which goes back to the file) ─▶ else: reserve deleted, nothing is appended
//   the log is written back, free pages of the file are given back ─▶ reserve made again, with as much left ─▶ appended again

import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../../ground/errors.ts'
import { CHECKPOINT_PAGES, type Database } from './database.ts'
import { databaseName, reserveName } from './store-files.ts'

/** Of the file. On a small disk an eighth of it. bytes */
const MAX_BYTES = 4 * 1024 * 1024
/** The log is written back when it has so many, while the disk is full. Pages */
const FULL_CHECKPOINT_PAGES = 32
/** Of free pages, given back in one try at most. Pages */
const MAX_VACUUM_PAGES = 4096

export class Reserve {
  readonly #directory: string
  readonly #path: string
  readonly #log: string
  readonly #bytes: number
  readonly #diskBytes: number

  /** @param directory of the store, whose lock is held */
  constructor(directory: string) {
    this.#directory = directory
    this.#path = join(directory, reserveName)
    this.#log = join(directory, `${databaseName}-wal`)
    const { blocks, bsize } = statfsSync(directory)
    this.#diskBytes = blocks * bsize
    this.#bytes = Math.floor(Math.min(MAX_BYTES, this.#diskBytes / 8))
    // The database needs some to be opened.
    if (this.#freeBytes < this.#bytes) this.giveUp()
  }

  /** What is free is enough to go on with settlements. */
  get mayDrain(): boolean {
    return this.#freeBytes >= this.#bytes / 4
  }

  /** Why messages of so many bytes must not be appended; undefined: they fit. Costs three calls of the system. */
  lacks(bytes: number): BrokerError | undefined {
    const needed = 2 * bytes + sizeOf(this.#log)
    return this.#freeBytes + sizeOf(this.#path) >= needed ? undefined : this.#noSpace()
  }

  /** Deletes it: what it took is for settlements, leases and purges. */
  giveUp(): void {
    rmSync(this.#path, { force: true })
  }

  /** The log is written back early while the disk is full; on a small disk at a sixteenth of it. @throws Error of SQLite */
  setFull(database: Database, isFull: boolean): void {
    const pageBytes = pragma(database.sql, 'page_size')
    const pages = isFull ? FULL_CHECKPOINT_PAGES : Math.min(CHECKPOINT_PAGES, Math.max(FULL_CHECKPOINT_PAGES, Math.floor(this.#diskBytes / 16 / pageBytes)))
    database.writeBackAt(pages)
    if (isFull) database.writeBack(true)
  }

  /**
   * Makes it when it is not there, after what the file does not need was given back. As much again is left free, so that it is not given up at once.
   * @throws BrokerError `store.no_space`; Error of SQLite or of the operating system
   */
  make(database: Database): void {
    if (sizeOf(this.#path) >= this.#bytes) return
    if (this.#missingBytes > 0) database.withoutWaiting(() => this.#shrink(database.sql))
    if (this.#missingBytes > 0) throw this.#noSpace()
    const file = openSync(this.#path, 'w', 0o600)
    try {
      // Written, not only made long: a file with holes takes no space. Not synced: after a loss of power it is made again.
      const chunk = Buffer.alloc(Math.min(this.#bytes, 1024 * 1024), 0xa5)
      for (let at = 0; at < this.#bytes; ) at += writeSync(file, chunk, 0, Math.min(chunk.length, this.#bytes - at), at)
    } catch (error) {
      this.giveUp()
      throw error
    } finally {
      closeSync(file)
    }
  }

  #shrink(sql: Database['sql']): void {
    sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const pageBytes = pragma(sql, 'page_size')
    // What one step moves fits into the log.
    const step = Math.max(4, Math.floor(this.#bytes / 8 / pageBytes))
    for (let pages = 0; pages < MAX_VACUUM_PAGES && this.#missingBytes > 0 && pragma(sql, 'freelist_count') > 0; pages += step) {
      sql.exec(`PRAGMA incremental_vacuum(${step})`)
      sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    }
  }

  get #missingBytes(): number {
    return 2 * this.#bytes + sizeOf(this.#log) - this.#freeBytes
  }

  get #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory)
    return bavail * bsize
  }

  #noSpace(): BrokerError {
    return new BrokerError('store.no_space', { path: join(this.#directory, databaseName) })
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function pragma(sql: Database['sql'], name: string): number {
  return Number(Object.values(sql.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[0])
}
