// Keeps waits between attempts as long as they are when the wall clock is set: their times in the database are moved with it.
//
//   clock set by n ms ─▶ owed by each queue ─▶ all its retries moved by n, first thing in a transaction ─▶ committed: paid
//                            ▲                                                                   └─ failed: owed again

import type { QueueState } from './queue-state.ts'
import { stateOf, stateSum } from './row-sum.ts'
import type { StoreClock } from './store-clock.ts'

/** Messages that are read at a time. */
const STEP = 500
export const DAMAGED_STATE = 'attempts or due time do not fit their checksum'

export class RetryShift {
  readonly #clock: StoreClock
  readonly #owing = new Set<QueueState>()

  constructor(clock: StoreClock) {
    this.#clock = clock
  }

  /** The clock was set, or the queue was opened, since it was looked at last. */
  look(queue: QueueState): void {
    queue.owedMs += this.#clock.owedTo(queue.id)
    if (queue.owedMs !== 0) this.#owing.add(queue)
  }

  /** Before anything gets a time by the clock as it is now. Gives the queues that have paid when this transaction is committed. */
  pay(): readonly QueueState[] {
    const owing = [...this.#owing]
    owing.forEach(shift)
    return owing
  }

  paid(queues: readonly QueueState[]): void {
    for (const queue of queues) this.#owing.delete(queue)
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
  for (let after = 0, heads; (heads = waiting.retries(after, STEP)).length > 0; after = heads.at(-1)!.position) {
    for (const { position, attempts, due_at, sum } of heads) {
      if (queue.damaged.has(position)) continue
      if (stateOf(sum) === stateSum(position, attempts, due_at)) waiting.setState(position, attempts, Math.max(1, due_at + byMs))
      else queue.setAside(position, DAMAGED_STATE)
    }
  }
  queue.nextDueMs = 0
}
