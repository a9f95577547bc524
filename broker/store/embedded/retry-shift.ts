// Keeps waits between attempts as long as they are when the wall clock is set: their times in the database are moved with it.
//
//   clock set by n ms ─▶ owed by each queue, open or not ─▶ all its retries moved by n, first thing in a transaction ─▶ committed: paid
//                            ▲                                                                                └─ failed: owed again

import type { QueueState, StoreState } from './queue-state.ts'
import { isRemoved } from './removed-name.ts'
import { stateOf, stateSum } from './row-sum.ts'
import type { StoreClock } from './store-clock.ts'
import { WaitingTable } from './waiting-table.ts'
import { isUnreadable } from './window.ts'

/** Messages that are read at a time. */
const STEP = 500
export const DAMAGED_STATE = 'attempts or due time do not fit their checksum'

interface Payment {
  readonly open: readonly QueueState[]
  readonly closed: { readonly id: number; readonly byMs: number }[]
  /** The latest time that the database had seen before. */
  readonly clockMs: number
}

export class RetryShift {
  readonly #clock: StoreClock
  readonly #store: StoreState
  readonly #owing = new Set<QueueState>()
  /** So do queues that are not open. */
  #oweAll: boolean
  /** What this transaction does. */
  #payment: Payment | undefined

  constructor(clock: StoreClock, store: StoreState) {
    this.#clock = clock
    this.#store = store
    this.#oweAll = clock.wasSet
  }

  /** The clock was set since these, which are open, were looked at last. */
  clockSet(queues: Iterable<QueueState>): void {
    this.#oweAll = true
    for (const queue of queues) this.look(queue)
  }

  /** A queue was opened. */
  look(queue: QueueState): void {
    queue.owedMs += this.#clock.owedTo(queue.id)
    if (queue.owedMs !== 0) this.#owing.add(queue)
  }

  /** Before anything gets a time by the clock as it is now. `queues`: those that are open. */
  pay(queues: ReadonlyMap<number, QueueState>): void {
    const { database } = this.#store
    const payment: Payment = { open: [...this.#owing], closed: [], clockMs: database.clockMs }
    this.#payment = payment
    payment.open.forEach(shift)
    if (!this.#oweAll) return
    // From this commit on nobody can tell any more by how much the clock was set: whatever is not moved with it never is.
    database.write('os')
    database.resetClock(this.#clock.nowMs)
    for (const id of idsOf(this.#store)) {
      if (queues.has(id)) continue
      const byMs = this.#clock.owedTo(id)
      payment.closed.push({ id, byMs })
      if (byMs !== 0) shiftClosed(this.#store, id, byMs)
    }
  }

  /** The transaction is committed. */
  paid(): void {
    if (this.#payment === undefined) return
    for (const queue of this.#payment.open) this.#owing.delete(queue)
    this.#oweAll = false
    this.#payment = undefined
  }

  /** It was rolled back: the same is owed again. */
  unpaid(): void {
    if (this.#payment === undefined) return
    this.#store.database.resetClock(this.#payment.clockMs)
    for (const { id, byMs } of this.#payment.closed) this.#clock.forget(id, byMs)
    this.#payment = undefined
  }

  /** Its opening failed: it owes the same when it is opened again. */
  forget(queue: QueueState): void {
    this.#owing.delete(queue)
    this.#clock.forget(queue.id, queue.owedMs)
  }
}

// All of them in one transaction, as none may come before it is moved: 2 µs each. What its sender gave a time stays at that time.
function shift(queue: QueueState): void {
  const { store, waiting } = queue
  const byMs = queue.takeOwed()
  store.database.write('os')
  queue.touch()
  move(waiting, byMs, (position) => queue.damaged.has(position), (position) => queue.setAside(position, DAMAGED_STATE, true))
  queue.nextDueMs = 0
}

// What cannot be read keeps nobody from working: it is told when its queue is opened.
function idsOf({ database: { sql } }: StoreState): number[] {
  const queues = unlessUnreadable(() => sql.prepare('SELECT id, name FROM queues').all()) as { id: number; name: string }[] | undefined
  return (queues ?? []).filter((queue) => !isRemoved(queue)).map(({ id }) => id)
}

function shiftClosed({ database: { sql } }: StoreState, id: number, byMs: number): void {
  if (sql.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(`waiting_${id}`) === undefined) return
  unlessUnreadable(() => move(new WaitingTable(sql, id), byMs, () => false, () => {}))
}

function unlessUnreadable<Result>(work: () => Result): Result | undefined {
  try {
    return work()
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return undefined
  }
}

function move(waiting: WaitingTable, byMs: number, isKnown: (position: number) => boolean, onDamaged: (position: number) => void): void {
  for (let after = 0, heads; (heads = waiting.retries(after, STEP)).length > 0; after = heads.at(-1)!.position) {
    for (const { position, attempts, due_at, sum } of heads) {
      if (isKnown(position)) continue
      if (stateOf(sum) === stateSum(position, attempts, due_at)) waiting.setState(position, attempts, Math.max(1, due_at + byMs))
      else onDamaged(position)
    }
  }
}
