// Puts the rows of a damaged store into a new one, each as it was, once. Knows where rows go, not where they come from.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { DeadTable } from './dead-table.ts'
import { UNTRIED } from './message-row.ts'
import type { Quarantine } from './quarantine.ts'
import { StoreSeal, stateSum, type QueueSeal } from './row-seal.ts'
import { contentOf } from './row-sum.ts'
import type { TableKind, WalkedRow } from './row-walk.ts'
import { WaitingTable } from './waiting-table.ts'

interface Target {
  readonly name: string
  readonly seal: QueueSeal
  readonly waiting: StatementSync
  readonly dead: StatementSync
  readonly isThere: StatementSync
}

const BATCH = 10_000

export class Salvage {
  /** Rows of both kinds that stand in the new store. */
  kept = 0
  /** Of those, messages whose attempts and due time were damaged: they begin anew. */
  begunAnew = 0
  readonly #sql: DatabaseSync
  readonly #quarantine: Quarantine
  readonly #targets = new Map<number, Target>()
  #pending = 0

  constructor(sql: DatabaseSync, quarantine: Quarantine) {
    this.#sql = sql
    this.#quarantine = quarantine
  }

  addQueue(id: number, name: string): void {
    const sql = this.#sql
    makeTables(sql, id)
    this.#targets.set(id, {
      name,
      seal: StoreSeal.keyless().queue(name),
      waiting: sql.prepare(`INSERT INTO waiting_${id} (position, attempts, due_at, expires_at, stored_at, sequence, session, message_id, errors, sum, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      dead: sql.prepare(`INSERT INTO dead_${id} (position, died_at, reason, attempts, expires_at, stored_at, sequence, session, message_id, errors, sum, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      isThere: sql.prepare(`SELECT 1 FROM waiting_${id} WHERE position = ?1 UNION ALL SELECT 1 FROM dead_${id} WHERE position = ?1`),
    })
  }

  /** Takes a row when its content is intact and its position is not there yet; else it goes into quarantine, or is the same again. */
  add(id: number, kind: TableKind, row: WalkedRow): void {
    const target = this.#targets.get(id)!
    const damage = target.seal.check({ ...row, attempts: undefined, dueAtMs: undefined })
    if (damage !== undefined) {
      this.#quarantine.add(target.name, damage, { kind, ...row })
      return
    }
    if (target.isThere.get(row.position) !== undefined) return
    if (this.#pending++ === 0) this.#sql.exec('BEGIN')
    const isState = target.seal.check(row) === undefined
    if (!isState) this.begunAnew++
    const attempts = isState ? Number(row.attempts) : kind === 'dead' && Number.isSafeInteger(row.attempts) ? Number(row.attempts) : kind === 'dead' ? 0 : UNTRIED
    const at = isState ? Number(row.dueAtMs) : kind === 'dead' ? Date.now() : 0
    const sum = contentOf(row.sum as number) + stateSum(row.position, attempts, at)
    const errors = typeof row.errors === 'string' || row.errors instanceof Uint8Array ? row.errors : null
    const [expires, stored, sequence] = [row.expiresAtMs, row.storedAtMs, row.sequence] as number[]
    const [session, messageId] = [row.session, row.messageId] as (string | null)[]
    const blob = row.blob as Uint8Array
    if (kind === 'waiting') target.waiting.run(row.position, attempts, at, expires!, stored!, sequence!, session!, messageId!, errors, sum, blob)
    else target.dead.run(row.position, at, typeof row.reason === 'string' ? row.reason : 'term', attempts, expires!, stored!, sequence!, session!, messageId!, errors, sum, blob)
    this.kept++
    if (this.#pending >= BATCH) this.flush()
  }

  flush(): void {
    if (this.#pending > 0) this.#sql.exec('COMMIT')
    this.#pending = 0
  }
}

function makeTables(sql: DatabaseSync, id: number): readonly object[] {
  return [new WaitingTable(sql, id), new DeadTable(sql, id)]
}
