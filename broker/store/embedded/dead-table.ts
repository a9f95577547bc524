// The dead letters of one queue: SQL and nothing else. A message keeps its position, its bytes and its sum when it becomes one.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { DeathReason } from '../../ground/store.ts'
import type { DeadRow } from './message-row.ts'
import { stateSum } from './row-seal.ts'

const WHOLE = `position, died_at, reason, attempts, expires_at, stored_at, sequence, session, message_id, errors, sum, frame, died_at AS due_at, length(frame) AS bytes`

export class DeadTable {
  readonly #bury: StatementSync
  readonly #rowsAfter: StatementSync
  readonly #row: StatementSync
  readonly #died: StatementSync
  readonly #oldest: StatementSync
  readonly #delete: StatementSync

  constructor(sql: DatabaseSync, id: number) {
    const table = `dead_${id}`
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (position INTEGER PRIMARY KEY, died_at INTEGER NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, expires_at INTEGER NOT NULL, stored_at INTEGER NOT NULL,
        sequence INTEGER NOT NULL, session TEXT, message_id TEXT, errors, sum INTEGER NOT NULL, frame BLOB NOT NULL);
      CREATE INDEX IF NOT EXISTS died_${id} ON ${table} (died_at);`)
    this.#bury = sql.prepare(`INSERT INTO ${table} SELECT position, ?, ?, ?, expires_at, stored_at, sequence, session, message_id, errors, (sum & 4294967295) | ?, frame FROM waiting_${id} WHERE position = ?`)
    this.#rowsAfter = sql.prepare(`SELECT ${WHOLE} FROM ${table} WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`)
    this.#row = sql.prepare(`SELECT ${WHOLE} FROM ${table} WHERE position = ?`)
    this.#died = sql.prepare(`SELECT ${WHOLE} FROM ${table} WHERE (died_at, position) > (?, ?) AND died_at <= ? ORDER BY died_at, position LIMIT ?`)
    this.#oldest = sql.prepare(`SELECT min(died_at) AS at FROM ${table} WHERE died_at > ?`)
    this.#delete = sql.prepare(`DELETE FROM ${table} WHERE position = ?`)
  }

  /** Copies the waiting message at `position`; deleting it there is the caller's. In its sum the time of its death takes the place of the due time. */
  bury(position: number, attempts: number, atMs: number, reason: DeathReason): void {
    this.#bury.run(atMs, reason, attempts, stateSum(position, attempts, atMs), position)
  }

  row(position: number): DeadRow | undefined {
    return this.#row.get(position) as DeadRow | undefined
  }

  /** Above `after`, up to `last`. */
  rowsWithin(after: number, last: number, limit: number): DeadRow[] {
    return this.#rowsAfter.all(after, last, limit) as unknown as DeadRow[]
  }

  /** Those that died at `atMs` or before, the oldest first, behind `from`. */
  diedBefore(from: Pick<DeadRow, 'died_at' | 'position'>, atMs: number, limit: number): DeadRow[] {
    return this.#died.all(from.died_at, from.position, atMs, limit) as unknown as DeadRow[]
  }

  /** When the oldest of those died that died later; Infinity: there is none. */
  oldestAfter(atMs: number): number {
    return (this.#oldest.get(atMs) as { at: number | null } | undefined)?.at ?? Infinity
  }

  delete(position: number): void {
    this.#delete.run(position)
  }
}

export function dropDead(sql: DatabaseSync, id: number): void {
  sql.exec(`DROP TABLE IF EXISTS dead_${id}`)
}
