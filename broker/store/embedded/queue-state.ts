// One open queue on the store thread: its tables, its counts, and what of it is in memory. What is done with it is in the files beside.
//
//   position   1 ……………………………… cursor ……………………………… last
//              │ on lease, scheduled,  │ the backlog: rows that nobody
//              │ returned, kept back   │ has looked at since the start
//
// The cursor reads the backlog in windows. Behind it memory knows every row that is to go again (`returned`, kept back by the order),
// the database those that are scheduled, and leases the rest. After a rollback, a change of order and a start the cursor begins anew.

import type { BrokerError } from '../../ground/errors.ts'
import type { DeathReason, QueueSettings } from '../../ground/store.ts'
import { failPoint } from '../../ground/fail-point.ts'
import type { Database } from './database.ts'
import { DeadTable } from './dead-table.ts'
import { DedupWindow } from './dedup-window.ts'
import { Leases } from './leases.ts'
import type { MessageHead, MessageRow, OpenedRow } from './message-row.ts'
import { OrderGate, type Turn } from './order-gate.ts'
import type { Outcome } from './outcome.ts'
import type { QueueSeal, ReadRow } from './row-seal.ts'
import { Totals } from './totals.ts'
import { WaitingTable } from './waiting-table.ts'

/** What all queues of a store share. */
export interface StoreState {
  readonly database: Database
  /** Of the group of operations that is worked on. */
  outcome: Outcome
  /** Of that group, what is told before the commit. */
  early: Outcome
  /** Wall clock, for what survives restarts. Milliseconds since the epoch */
  nowMs: number
  /** Monotonic clock, for what ends with the process. */
  steadyMs: number
  /** Why the store cannot work. */
  problem: BrokerError | undefined
  /** There is a problem, and what empties queues goes on all the same. */
  isDraining: boolean
  /** Told once of each damaged place. position 0: not of one message */
  readonly onDamage: (queue: string, position: number, problem: string) => void
  /** Queues that gave messages of their backlog out in this group, and how many. */
  readonly given: Map<QueueState, number>
}

/** Acked rows that are deleted by one statement at most. */
const MAX_PENDING_DELETES = 100_000

export class QueueState {
  readonly id: number
  readonly name: string
  readonly store: StoreState
  readonly seal: QueueSeal
  readonly totals: Totals
  readonly waiting: WaitingTable
  readonly dead: DeadTable
  readonly leases = new Leases()
  readonly returned = new Set<number>()
  /** Rows that cannot be understood: they stay where they are, and are not looked at again until the next start. */
  readonly damaged = new Set<number>()
  /** Of them, those that are counted as scheduled as well. */
  readonly #damagedDelayed = new Set<number>()
  /** Dead letters of that sort. */
  readonly damagedDead = new Set<number>()
  settings: QueueSettings
  dedup: DedupWindow | undefined
  gate: OrderGate | undefined
  cursor = 0
  /** May be below 0: more was taken back than had been asked for. */
  demand = 0
  /** When something may be due: never later than it is. Infinity: nothing. */
  nextDueMs = 0
  nextExpiryMs = 0
  nextDedupMs = 0
  nextDeadMs = 0
  /** What waits longest stands behind this position, but for what came back since. */
  oldestAfter = 0
  isMissingTold = false
  /** By how much the wall clock was set since retries got their times; below 0: back. ms */
  owedMs = 0
  /** Of it, what the transaction has done. */
  #paidMs = 0
  #isChanged = false
  #deletes: number[] = []
  /** Messages whose last attempt the database has, and nobody was told of; with the number of those that somebody was. */
  readonly #untold = new Map<number, number>()

  constructor(store: StoreState, id: number, name: string, settings: QueueSettings, seal: QueueSeal) {
    const { sql } = store.database
    this.store = store
    this.id = id
    this.name = name
    this.settings = settings
    this.seal = seal
    this.totals = new Totals(sql, id, name)
    this.waiting = new WaitingTable(sql, id)
    this.dead = new DeadTable(sql, id)
    this.change(settings)
  }

  /** Messages that somebody could have now, or at their turn, if each row were whole. */
  get countOfFree(): number {
    const { totals, leases, damaged } = this
    return totals.waiting - totals.scheduled - leases.size - (damaged.size - this.#damagedDelayed.size)
  }

  /** It is not there any more. */
  forgetDamage(position: number): void {
    this.damaged.delete(position)
    this.#damagedDelayed.delete(position)
  }

  get isPaused(): boolean {
    return this.totals.paused === 1
  }

  /** Other settings from now on. */
  change(settings: QueueSettings): void {
    const { sql } = this.store.database
    const { enabled, storage, windowMs } = settings.deduplication
    const old = this.settings.deduplication
    if (!enabled) this.dedup = undefined
    else if (this.dedup === undefined || old.storage !== storage || old.windowMs !== windowMs) this.dedup = new DedupWindow(sql, this.id, settings.deduplication)
    this.settings = settings
    this.nextDueMs = this.nextExpiryMs = this.nextDedupMs = this.nextDeadMs = 0
    this.rebuild()
  }

  /** Makes what is in memory anew out of the database and the leases. */
  rebuild(): void {
    const { enabled, guarantee } = this.settings.ordering
    this.returned.clear()
    this.cursor = 0
    this.gate = enabled && guarantee !== 'none' ? new OrderGate(this.store.database.sql, this.id, this.settings.ordering) : undefined
    if (this.gate === undefined) return
    for (const lease of this.leases.values()) this.gate.restoreLease(lease)
    // The first that failed holds its session, as it did before.
    const limit = 1000
    for (let after = 0, heads; (heads = this.waiting.retries(after, limit)).length > 0; after = heads.at(-1)!.position) {
      for (const head of heads) this.gate.restoreFailure(head, this.store.steadyMs)
      if (heads.length < limit) break
    }
  }

  /** Something of it is written: the totals go with it. */
  touch(): void {
    this.#isChanged = true
  }

  /** A message is due: it, and others that waited for it, may go. */
  arrive(turn: Turn, isRetry: boolean): void {
    if (this.gate === undefined) this.returned.add(turn.position)
    else for (const position of this.gate.arrive(turn, isRetry, this.store.steadyMs)) this.returned.add(position)
  }

  /** How often a message that waits was handed out. */
  attemptsOf({ position, attempts, due_at }: Pick<MessageHead, 'position' | 'attempts' | 'due_at'>): number {
    const untold = this.#untold.get(position)
    if (untold !== undefined) return untold
    if (attempts !== 0) return Math.max(0, attempts)
    return due_at === 0 && position <= this.totals.attempted ? 1 : 0
  }

  isExpired({ expires_at, stored_at }: Pick<MessageHead, 'expires_at' | 'stored_at'>): boolean {
    const { nowMs } = this.store
    return (expires_at > 0 && expires_at <= nowMs) || (this.settings.retentionMs > 0 && stored_at + this.settings.retentionMs <= nowMs)
  }

  /** The message of a row; undefined: it is damaged, which has been told. */
  open(row: MessageRow): OpenedRow | undefined {
    const opened = row.opened ?? this.seal.open(readRow(row))
    if (typeof opened !== 'string') return opened
    this.setAside(row.position, opened, row.due_at > 0)
    return undefined
  }

  /** Reads what is likely to be asked for next, and opens it. Called between transactions. */
  readAhead(count: number, maxBytes: number): void {
    if (this.gate !== undefined || this.cursor >= this.totals.last_position) return
    try {
      this.waiting.readAhead(this.cursor, count, maxBytes, (row) => Object.assign(row, { opened: this.seal.open(readRow(row)) }))
    } catch {
      // Whoever asks for these rows reads them anew, and tells.
    }
  }

  /** The message of a dead letter; undefined: it is damaged, which has been told. */
  openDead(row: MessageRow): OpenedRow | undefined {
    const opened = this.seal.open(readRow(row))
    if (typeof opened !== 'string') return opened
    if (!this.damagedDead.has(row.position)) this.store.onDamage(this.name, row.position, `dead letter: ${opened}`)
    this.damagedDead.add(row.position)
    return undefined
  }

  /** @param isDelayed it is counted among those that are scheduled, and stays there */
  setAside(position: number, problem: string, isDelayed = false): void {
    if (this.damaged.has(position)) return
    this.damaged.add(position)
    if (isDelayed) this.#damagedDelayed.add(position)
    this.store.onDamage(this.name, position, problem)
    this.passOn(position)
  }

  /** The message is gone from the order: the next of its session may go. */
  passOn(position: number): void {
    const next = this.gate?.finish(position) ?? 0
    if (next !== 0) this.returned.add(next)
  }

  /** Counts a message out, and takes it out of memory; its row is the caller's. */
  leave({ position, bytes, due_at }: Pick<MessageHead, 'position' | 'bytes' | 'due_at'>): void {
    const { totals } = this
    totals.waiting--
    totals.waiting_bytes -= bytes
    if (due_at > 0) totals.scheduled--
    this.returned.delete(position)
    this.#untold.delete(position)
    this.passOn(position)
    this.touch()
  }

  /** Its row is deleted with others, before anything reads rows. */
  deleteLater(position: number): void {
    if (this.#deletes.push(position) >= MAX_PENDING_DELETES) this.flushDeletes()
  }

  /** Deletes what is to be deleted, in as few statements as there are gaps. */
  flushDeletes(): void {
    const positions = this.#deletes
    if (positions.length === 0) return
    this.#deletes = []
    if (!isAscending(positions)) positions.sort((a, b) => a - b)
    let first = positions[0]!
    for (let i = 1; i <= positions.length; i++) {
      const last = positions[i - 1]!
      if (positions[i] === last + 1) continue
      this.waiting.delete(first, last)
      first = positions[i]!
    }
  }

  /** A message becomes a dead letter, or is gone where the queue keeps none. False: it is damaged and stays; what is not understood is not thrown away. */
  die(head: Pick<MessageHead, 'position' | 'bytes' | 'due_at'>, attempt: number, reason: DeathReason): boolean {
    const { totals, store } = this
    const { position, bytes } = head
    // What was on lease was read for it.
    if ((reason === 'expired' || reason === 'overflow') && !this.isWhole(position)) return false
    store.database.write('os')
    if (this.settings.deadLetter.enabled) {
      this.nextDeadMs = Math.min(this.nextDeadMs, store.nowMs + this.settings.deadLetter.maxAgeMs)
      this.waiting.flush()
      this.dead.bury(position, attempt, store.nowMs, reason)
      failPoint('store.in-dead-letter')
      totals.dead++
      totals.dead_bytes += bytes
      totals.dead_lettered++
      store.outcome.happened(this.id, { position, event: 'dead-lettered', attempt, reason })
    } else {
      const event = reason === 'expired' ? 'expired' : 'dropped'
      totals[event]++
      store.outcome.happened(this.id, { position, event, attempt, reason })
    }
    this.waiting.delete(position, position)
    this.leave(head)
    return true
  }

  /** False: its row is damaged, which has been told. */
  isWhole(position: number): boolean {
    const row = this.waiting.row(position)
    const problem = row === undefined ? 'the row is gone' : this.seal.check(readRow(row))
    if (problem !== undefined) this.setAside(position, problem, row !== undefined && row.due_at > 0)
    return problem === undefined
  }

  /** Writes what is still to be written, before the commit. True: something was changed. */
  finish(): boolean {
    if (!this.#isChanged) return false
    this.waiting.flush()
    this.flushDeletes()
    this.totals.save()
    return true
  }

  /** How far retries are to be moved in this transaction. ms */
  takeOwed(): number {
    const byMs = this.owedMs
    this.#paidMs += byMs
    this.owedMs = 0
    return byMs
  }

  committed(): void {
    this.#paidMs = 0
    this.#isChanged = false
    this.leases.committed()
    // Their rows have the right number now.
    if (this.#untold.size > 0) for (const { position } of this.leases.values()) this.#untold.delete(position)
    this.dedup?.committed()
  }

  /** Nothing that the transaction did has happened. */
  rolledBack(): void {
    this.owedMs += this.#paidMs
    this.demand += this.leases.rolledBack()
    this.dedup?.rolledBack()
    this.#reload()
  }

  /** What the transaction did is in the database, and nobody hears of it, as it may not be on the disk: what was settled is, what was handed out was not seen. */
  committedUntold(): void {
    const untold = this.leases.untold()
    this.demand += untold.length
    for (const { position, attempt } of untold) this.#untold.set(position, attempt - 1)
    this.dedup?.committed()
    this.#reload()
  }

  #reload(): void {
    this.#deletes = []
    this.waiting.rolledBack()
    this.#isChanged = false
    this.#paidMs = 0
    this.totals.load()
    this.nextDueMs = this.nextExpiryMs = 0
    this.rebuild()
  }
}

function readRow({ position, stored_at, expires_at, sequence, message_id, session, frame, sum, attempts, due_at }: MessageRow): ReadRow {
  return { position, storedAtMs: stored_at, expiresAtMs: expires_at, sequence, messageId: message_id, session, blob: frame, sum, attempts, dueAtMs: due_at }
}

function isAscending(positions: readonly number[]): boolean {
  for (let i = 1; i < positions.length; i++) if (positions[i]! < positions[i - 1]!) return false
  return true
}
