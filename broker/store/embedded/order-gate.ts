// Keeps back messages of a queue with an order until it is their turn: late ones by number, then one of a session at a time.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { OrderingSettings } from '../../ground/store-settings.ts'
import { ReorderBuffer } from '../policy/reorder-buffer.ts'
import { SessionOrder } from '../policy/session-order.ts'

/** What of a message its turn depends on. */
export interface Turn {
  readonly position: number
  readonly session: string | null
  readonly sequence: number
}

/** Positions that are kept back in memory at most; what comes behind waits in the database until there are fewer. */
const MAX_KEPT = 500_000
/** A session that was quiet for so long may begin anew with any number. ms */
const REMEMBER_MS = 7 * 86_400_000

export class OrderGate {
  readonly #order: SessionOrder
  readonly #buffer: ReorderBuffer
  /** Those that wait for an earlier number. */
  readonly #late = new Map<number, Turn>()
  readonly #next: StatementSync
  readonly #keep: StatementSync
  readonly #forget: StatementSync

  constructor(sql: DatabaseSync, id: number, settings: OrderingSettings) {
    const table = `order_${id}`
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (session TEXT PRIMARY KEY, next INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID`)
    this.#next = sql.prepare(`SELECT next FROM ${table} WHERE session = ?`)
    this.#keep = sql.prepare(`INSERT INTO ${table} VALUES (?, ?, ?) ON CONFLICT (session) DO UPDATE SET next = max(next, excluded.next), at = excluded.at`)
    this.#forget = sql.prepare(`DELETE FROM ${table} WHERE at < ?`)
    this.#order = new SessionOrder(settings)
    this.#buffer = new ReorderBuffer(settings, (session) => (this.#next.get(session) as { next: number } | undefined)?.next ?? 1)
  }

  /** How many are kept back. */
  get keptCount(): number {
    return this.#order.heldCount + this.#buffer.lateCount
  }

  get isFull(): boolean {
    return this.keptCount >= MAX_KEPT
  }

  keepsBack(position: number): boolean {
    return this.#late.has(position) || this.#order.isHeld(position)
  }

  /** It is due. Gives those that may go now, in order: it, it and others, or none. */
  arrive(turn: Turn, isRetry: boolean, nowMs: number): number[] {
    if (isRetry || turn.sequence === 0 || turn.session === null) return this.#order.arrive(turn.position, turn.session ?? undefined, isRetry) ? [turn.position] : []
    this.#late.set(turn.position, turn)
    return this.#passOn(this.#buffer.arrive(turn.session, turn.sequence, turn.position, nowMs))
  }

  /** It is on lease since before this gate was there. */
  restoreLease({ position, session }: Turn): void {
    this.#order.arrive(position, session ?? undefined)
  }

  /** It failed before this gate was there, and is not due again yet: its session waits for it. */
  restoreFailure({ position, session }: Turn, nowMs: number): void {
    if (this.#order.arrive(position, session ?? undefined)) this.#order.fail(position, nowMs)
    else this.#order.finish(position)
  }

  /** It is settled or gone; see SessionOrder. 0: nobody takes its place. */
  finish(position: number): number {
    if (this.#late.delete(position)) this.#buffer.remove(position)
    return this.#order.finish(position)
  }

  /** The session goes on with the number behind this one, after a restart too. */
  keepNext({ session, sequence }: Turn, wallMs: number): void {
    if (sequence > 0 && session !== null) this.#keep.run(session, sequence + 1, wallMs)
  }

  fail(position: number, nowMs: number): number {
    return this.#order.fail(position, nowMs)
  }

  release(position: number): void {
    this.#order.release(position)
  }

  timeOut(nowMs: number): number[] {
    return [...this.#passOn(this.#buffer.timeOut(nowMs)), ...this.#order.timeOut(nowMs)]
  }

  get nextTimeoutMs(): number {
    return Math.min(this.#order.nextTimeoutMs, this.#buffer.nextTimeoutMs)
  }

  forgetQuiet(wallMs: number): void {
    this.#forget.run(wallMs - REMEMBER_MS)
  }

  #passOn(positions: readonly number[]): number[] {
    return positions.filter((position) => {
      const turn = this.#late.get(position)
      this.#late.delete(position)
      return this.#order.arrive(position, turn?.session ?? undefined)
    })
  }
}

export function dropOrder(sql: DatabaseSync, id: number): void {
  sql.exec(`DROP TABLE IF EXISTS order_${id}`)
}
