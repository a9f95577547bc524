// When the log is written back to the database file, and by whom. Called between transactions.
//
//   log ≥ 8 MiB ─▶ another thread writes back what there is, while commits go on ─▶ again for what came meanwhile ─▶ the rest here ─▶ the log begins anew
//
// The log begins anew only when all of it is in the file while nobody writes, so the last pages are the store thread's own. Done here alone, 32 MiB
// took 30 to 50 ms, for which all who publish and consume waited.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LogWriter } from './log-writer.ts'
import { isSyncFailure } from './store-errors.ts'

/** Written back here: less than what the syncs cost that go with them. Pages */
const FEW_PAGES = 64
/** One that is to be shorter is written back here, at once: on a disk below 128 MiB, or one that is full, it must not grow meanwhile. Pages */
const BESIDE_PAGES = 1024
/** Of the other thread, until what came meanwhile is little. */
const MAX_ROUNDS = 4
/** Of its length: a log that grows faster than it is written back is brought to a halt. */
const MAX_GROWTH = 4

/** Of the log, in pages. */
interface LogState {
  readonly log: number
  readonly checkpointed: number
}

export class WriteBack {
  /** undefined: an older SQLite does not say how long its log is without writing it back. */
  readonly #state: StatementSync | undefined
  readonly #pass: StatementSync
  readonly #writer: LogWriter | undefined
  /** Pages of the log at which it is written back. */
  #pages = Infinity
  #nextPages = Infinity
  /** Of the other thread, of a log that is being written back. */
  #rounds = 0

  /** @param writer undefined: all is done here */
  constructor(sql: DatabaseSync, saysLogLength: boolean, writer: LogWriter | undefined) {
    this.#state = saysLogLength ? sql.prepare('PRAGMA wal_checkpoint(NOOP)') : undefined
    this.#pass = sql.prepare('PRAGMA wal_checkpoint(PASSIVE)')
    this.#writer = writer
  }

  /** SQLite does it within a commit when its log has so many pages; 0: it does not. */
  at(pages: number): number {
    this.#pages = this.#nextPages = pages
    return this.#state === undefined ? pages : 0
  }

  /**
   * Writes a log that is long enough back, as far as nobody reads it. `isAny`: however long it is, and here.
   * @throws Error of SQLite; the log is as it was
   */
  step(isAny: boolean): void {
    if (this.#state === undefined) return isAny ? this.#passOnce() : undefined
    if (isAny) return this.#stepHere()
    const state = this.#state.get() as unknown as LogState
    // Commits that are faster than the other thread would let the log grow until the disk is full.
    if (this.#isBusy && state.log >= MAX_GROWTH * this.#pages) this.wait()
    if (this.#isBusy) return
    if (this.#rounds > 0) return this.#goOn(state)
    if (!this.#isLong(state)) return
    if (this.#pages < BESIDE_PAGES || this.#writer?.begin() !== true) return this.#passOnce()
    this.#rounds = 1
  }

  /** Blocks until nobody else writes the log back. */
  wait(): void {
    this.#writer?.wait()
  }

  end(): void {
    this.#writer?.end()
  }

  get #isBusy(): boolean {
    return this.#writer?.isRunning ?? false
  }

  #stepHere(): void {
    this.wait()
    this.#rounds = 0
    this.#check()
    this.#passOnce()
  }

  #goOn({ log, checkpointed }: LogState): void {
    const rounds = this.#rounds
    this.#rounds = 0
    const hasFailed = !this.#check()
    if (hasFailed || log - checkpointed <= FEW_PAGES || log >= MAX_GROWTH * this.#pages) return this.#passOnce()
    // Somebody who reads keeps it from coming further: it is tried again when the log is longer.
    if (rounds < MAX_ROUNDS && this.#writer?.begin() === true) this.#rounds = rounds + 1
  }

  // False: the other thread could not do it, and lost nothing.
  #check(): boolean {
    const failure = this.#writer?.takeFailure()
    if (failure !== undefined && isSyncFailure(failure)) throw failure
    return failure === undefined
  }

  #isLong({ log }: LogState): boolean {
    // It has begun anew.
    if (log < this.#pages) this.#nextPages = this.#pages
    if (log < this.#nextPages) return false
    // Whoever reads keeps it from beginning anew: it is tried again when there is more of it, as each try syncs two files.
    this.#nextPages = log + Math.ceil(this.#pages / 4)
    return true
  }

  #passOnce(): void {
    this.#pass.get()
  }
}
