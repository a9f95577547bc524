// Work on many messages, in steps of one transaction each, between which others have their turn.

import type { Selection } from '../../ground/store.ts'
import type { DeadRow, MessageHead } from './message-row.ts'
import { dropDead } from './dead-table.ts'
import { dropDedup } from './dedup-window.ts'
import { dropOrder } from './order-gate.ts'
import type { QueueState, StoreState } from './queue-state.ts'
import { isRemoved, removedName } from './removed-name.ts'
import { dropWaiting } from './waiting-table.ts'

/** Messages of one step. */
const STEP = 1000

/** Yields between steps; gives its result. */
export type LongWork<Result> = Generator<undefined, Result>

export function isWork(value: unknown): value is LongWork<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && 'next' in value
}

export function* purge(queue: QueueState, which: 'waiting' | 'dead', selection: Selection): LongWork<number> {
  let count = 0
  for (const heads of which === 'dead' ? deadOnes(queue, selection) : waitingOnes(queue, selection)) {
    if (heads.length > 0) queue.store.database.write(queue.settings.durability)
    for (const head of heads) {
      count++
      if (which === 'dead') loseDead(queue, head)
      else purgeOne(queue, head)
    }
    yield
  }
  return count
}

function purgeOne(queue: QueueState, head: MessageHead): void {
  queue.totals.purged++
  queue.deleteLater(head.position)
  queue.forgetDamage(head.position)
  queue.leave(head)
}

/** Dead letters as new messages, at the end of the queue. Those that are damaged stay. */
export function* replay(queue: QueueState, selection: Selection): LongWork<number> {
  let count = 0
  for (const rows of deadOnes(queue, selection)) {
    for (const row of rows) count += replayOne(queue, row)
    yield
  }
  return count
}

function replayOne(queue: QueueState, row: DeadRow): number {
  const opened = queue.openDead(row)
  if (opened === undefined) return 0
  const { store, totals } = queue
  store.database.write(queue.settings.durability)
  const position = totals.last_position + 1
  const sealed = queue.seal.seal({ position, storedAtMs: store.nowMs, expiresAtMs: 0, sequence: 0, messageId: opened.messageId ?? null, session: opened.session ?? null }, opened.frame)
  queue.waiting.insert({ position, attempts: 0, due_at: 0, expires_at: 0, stored_at: store.nowMs, sequence: 0 }, sealed)
  totals.last_position = position
  totals.waiting++
  totals.waiting_bytes += sealed.blob.length
  totals.replayed++
  if (queue.settings.retentionMs > 0) queue.nextExpiryMs = Math.min(queue.nextExpiryMs, store.nowMs + queue.settings.retentionMs)
  loseDead(queue, row)
  return 1
}

/** Deletes a dead letter, and counts it out. */
export function loseDead(queue: QueueState, { position, bytes }: Pick<DeadRow, 'position' | 'bytes'>): void {
  queue.store.database.write('os')
  queue.dead.delete(position)
  queue.totals.dead--
  queue.totals.dead_bytes -= bytes
  queue.touch()
}

// Those that are there when it begins, and are not on lease.
function* waitingOnes(queue: QueueState, selection: Selection): Generator<MessageHead[]> {
  const last = queue.totals.last_position
  const isFree = ({ position }: MessageHead): boolean => !queue.leases.has(position)
  queue.flushDeletes()
  if (selection !== 'all') {
    for (let at = 0; at < selection.length; at += STEP) {
      queue.flushDeletes()
      const positions = selection.slice(at, at + STEP)
      yield [...new Set(positions)].flatMap((position) => queue.waiting.headsWithin(position - 1, position, 1)).filter(isFree)
    }
    return
  }
  for (let after = 0; ; ) {
    queue.flushDeletes()
    const heads = queue.waiting.headsWithin(after, last, STEP)
    yield heads.filter(isFree)
    if (heads.length < STEP) return
    after = heads.at(-1)!.position
  }
}

function* deadOnes(queue: QueueState, selection: Selection): Generator<DeadRow[]> {
  if (selection !== 'all') {
    for (let at = 0; at < selection.length; at += STEP) {
      yield [...new Set(selection.slice(at, at + STEP))].map((position) => queue.dead.row(position)).filter((row) => row !== undefined)
    }
    return
  }
  const last = queue.totals.last_position
  for (let after = 0; ; ) {
    // Rows with their bytes: few at a time.
    const rows = queue.dead.rowsWithin(after, last, STEP / 10)
    yield rows
    if (rows.length < STEP / 10) return
    after = rows.at(-1)!.position
  }
}

/** Takes a queue that is not open away. It has no name from the first step on, so that it is not opened half deleted. */
export function* remove({ database }: StoreState, id: number): LongWork<void> {
  const { sql } = database
  database.write('fsync')
  // Unfinished ones are found by this name at the next start.
  sql.prepare('UPDATE queues SET name = ? WHERE id = ?').run(removedName(id), id)
  for (const table of [`waiting_${id}`, `dead_${id}`, `ids_${id}`]) {
    if (sql.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) === undefined) continue
    const step = sql.prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} ORDER BY rowid LIMIT ${STEP * 5})`)
    for (let left = true; left; ) {
      yield
      database.write('os')
      left = Number(step.run().changes) === STEP * 5
    }
  }
  yield
  database.write('os')
  for (const drop of [dropWaiting, dropDead, dropDedup, dropOrder]) drop(sql, id)
  sql.prepare('DELETE FROM queues WHERE id = ?').run(id)
}

/** Goes on with removals that ended with their process. */
export function* removeUnfinished(state: StoreState): LongWork<void> {
  const queues = state.database.sql.prepare('SELECT id, name FROM queues').all() as { id: number; name: string }[]
  for (const { id } of queues.filter(isRemoved)) yield* remove(state, id)
}
