// Which message ids were stored within the window, and where: in the database, or in memory only.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { DeduplicationSettings } from '../../ground/store-settings.ts'
import { idSum } from './row-sum.ts'

interface Entry {
  readonly position: number
  readonly at: number
}

export class DedupWindow {
  readonly #windowMs: number
  /** In order of their time; undefined: they are in the database. */
  readonly #memory: Map<string, Entry> | undefined
  /** Those remembered in the transaction that is under way. */
  readonly #fresh: string[] = []
  readonly #find: StatementSync
  readonly #add: StatementSync
  readonly #forget: StatementSync
  readonly #oldest: StatementSync

  constructor(sql: DatabaseSync, id: number, { windowMs, storage }: DeduplicationSettings) {
    const table = `ids_${id}`
    this.#windowMs = windowMs
    this.#memory = storage === 'memory' ? new Map() : undefined
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, position INTEGER NOT NULL, at INTEGER NOT NULL, sum INTEGER NOT NULL)`)
    this.#find = sql.prepare(`SELECT position, at, sum FROM ${table} WHERE id = ?`)
    this.#add = sql.prepare(`INSERT OR REPLACE INTO ${table} (id, position, at, sum) VALUES (?, ?, ?, ?)`)
    this.#oldest = sql.prepare(`SELECT at FROM ${table} ORDER BY number LIMIT 1`)
    this.#forget = sql.prepare(`DELETE FROM ${table} WHERE number IN (SELECT number FROM ${table} ORDER BY number LIMIT ?) AND at <= ?`)
  }

  /** Where the first message of that id stands or stood; 0: it was not seen within the window. */
  find(id: string, nowMs: number): number {
    const entry = this.#memory === undefined ? this.#kept(id) : this.#memory.get(id)
    // A clock that was set back by more than the window does not make an id known for longer.
    return entry !== undefined && Math.abs(nowMs - entry.at) < this.#windowMs ? entry.position : 0
  }

  remember(id: string, position: number, nowMs: number): void {
    if (this.#memory === undefined) {
      this.#add.run(id, position, nowMs, idSum(id, position, nowMs))
      return
    }
    this.#memory.delete(id)
    this.#memory.set(id, { position, at: nowMs })
    this.#fresh.push(id)
  }

  /** Forgets at most `limit` that are older than the window. Gives when the next ones are to be forgotten; Infinity: none is left. */
  sweep(nowMs: number, limit: number): number {
    const before = nowMs - this.#windowMs
    if (this.#memory === undefined) {
      this.#forget.run(limit, before)
      const oldest = this.#oldest.get() as { at: number } | undefined
      return oldest === undefined ? Infinity : oldest.at + this.#windowMs
    }
    for (const [id, { at }] of this.#memory) {
      if (at > before || limit-- <= 0) return at + this.#windowMs
      this.#memory.delete(id)
    }
    return Infinity
  }

  // An entry that is damaged is none: better a message twice than one that is taken for a duplicate and is none.
  #kept(id: string): Entry | undefined {
    const entry = this.#find.get(id) as (Entry & { readonly sum: number }) | undefined
    return entry?.sum === (entry && idSum(id, entry.position, entry.at)) ? entry : undefined
  }

  committed(): void {
    this.#fresh.length = 0
  }

  rolledBack(): void {
    for (const id of this.#fresh) this.#memory?.delete(id)
    this.#fresh.length = 0
  }
}

export function dropDedup(sql: DatabaseSync, id: number): void {
  sql.exec(`DROP TABLE IF EXISTS ids_${id}`)
}
