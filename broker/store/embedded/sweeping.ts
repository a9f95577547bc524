// What time alone does to a queue: ack waits that are over, messages that are due or expired, what is forgotten. In bounded steps.

import { UNTRIED, type MessageHead } from './message-row.ts'
import type { QueueState } from './queue-state.ts'
import { DAMAGED_STATE } from './retry-shift.ts'
import { loseDead } from './long-work.ts'
import { stateOf, stateSum } from './row-sum.ts'
import { fail } from './settling.ts'

/** Messages of each sort in one transaction. */
const STEP = 500
/** Dead letters are read whole, to be checked. */
const DEAD_STEP = 50
/** Messages that came back and wait in memory; what else is due stays in the database until there are fewer. */
const MAX_RETURNED = 20_000
/** Between two looks at what need not be exact. ms */
const COARSE_MS = 1000

/** Does what is due. Gives after how long there is something to do again; 0: at once, Infinity: when something changes. ms */
export function sweep(queue: QueueState): number {
  return Math.min(endOverdue(queue), wakeDue(queue), endOrderWaits(queue), expire(queue), forgetIds(queue), forgetDead(queue))
}

function endOverdue(queue: QueueState): number {
  const { store, leases, settings } = queue
  const overdue = leases.heldSince(store.steadyMs - settings.ackWaitMs, STEP)
  if (overdue.length > 0) store.database.write(settings.durability)
  for (const lease of overdue) fail(queue, lease, 'ack wait over')
  return Math.max(0, leases.oldestMs + settings.ackWaitMs - store.steadyMs)
}

// Those that are damaged stay where they are, and are passed over: neither do they hide others, nor are they due again at once.
function wakeDue(queue: QueueState): number {
  const { store, waiting } = queue
  if (queue.nextDueMs > store.nowMs) return queue.nextDueMs - store.nowMs
  if (queue.returned.size >= MAX_RETURNED) return COARSE_MS
  let count = 0
  let from = { due_at: 0, position: 0 }
  while (count < STEP) {
    const heads = waiting.due(from.due_at, from.position, store.nowMs, STEP)
    for (const head of heads) count += wake(queue, head)
    if (heads.length < STEP) {
      queue.nextDueMs = waiting.nextDueAfter(store.nowMs)
      return queue.nextDueMs - store.nowMs
    }
    from = heads.at(-1)!
  }
  return 0
}

function wake(queue: QueueState, head: MessageHead): number {
  const { position, attempts, due_at, sum } = head
  if (queue.damaged.has(position)) return 0
  if (stateOf(sum) !== stateSum(position, attempts, due_at)) {
    queue.setAside(position, DAMAGED_STATE, true)
    return 0
  }
  queue.store.database.write('os')
  // Others behind it may have been handed out before.
  queue.waiting.setState(position, attempts > 0 ? attempts : UNTRIED, 0)
  queue.totals.scheduled--
  queue.touch()
  if (position <= queue.cursor) queue.arrive(head, head.attempts > 0)
  return 1
}

function endOrderWaits({ gate, returned, store }: QueueState): number {
  if (gate === undefined) return Infinity
  for (const position of gate.timeOut(store.steadyMs)) returned.add(position)
  return Math.max(0, gate.nextTimeoutMs - store.steadyMs)
}

// On lease, a message does not expire: its consumer may still be done with it.
function expire(queue: QueueState): number {
  const { store, waiting, settings } = queue
  if (queue.nextExpiryMs > store.nowMs) return queue.nextExpiryMs - store.nowMs
  queue.flushDeletes()
  let count = 0
  let from = { expires_at: 0, position: 0 }
  let nextMs = Infinity
  while (count < STEP) {
    const heads = waiting.expired(from.expires_at, from.position, store.nowMs, STEP)
    for (const head of heads) count += expireOne(queue, head)
    if (heads.length < STEP) {
      nextMs = waiting.nextExpiryAfter(store.nowMs)
      break
    }
    from = heads.at(-1)!
  }
  if (count < STEP && settings.retentionMs > 0) nextMs = Math.min(nextMs, expireOld(queue, STEP - count))
  else if (count >= STEP) nextMs = store.nowMs
  queue.nextExpiryMs = nextMs
  return Math.max(0, nextMs - store.nowMs)
}

// The order of positions is the order in which they were stored. Gives when the next one is too old.
function expireOld(queue: QueueState, limit: number): number {
  const { waiting, store, settings, totals } = queue
  for (let after = 0; limit > 0; ) {
    const heads = waiting.headsWithin(after, totals.last_position, STEP)
    for (const head of heads) {
      if (!queue.isExpired(head)) return Math.max(head.stored_at + settings.retentionMs, store.nowMs + 1)
      limit -= expireOne(queue, head)
    }
    if (heads.length < STEP) return Infinity
    after = heads.at(-1)!.position
  }
  return store.nowMs
}

function expireOne(queue: QueueState, head: MessageHead): number {
  if (queue.leases.has(head.position) || queue.damaged.has(head.position)) return 0
  return queue.die(head, queue.attemptsOf(head), 'expired') ? 1 : 0
}

function forgetIds(queue: QueueState): number {
  const { store, dedup } = queue
  if (dedup === undefined) return Infinity
  if (queue.nextDedupMs <= store.nowMs) {
    store.database.write('os')
    const nextMs = dedup.sweep(store.nowMs, STEP)
    queue.gate?.forgetQuiet(store.nowMs)
    queue.nextDedupMs = Math.max(nextMs, store.nowMs + (nextMs <= store.nowMs ? 1 : COARSE_MS))
  }
  return Math.max(1, queue.nextDedupMs - store.nowMs)
}

function forgetDead(queue: QueueState): number {
  const { store, dead, totals, settings: { deadLetter: { maxAgeMs } } } = queue
  if (maxAgeMs === 0 || totals.dead === 0) return Infinity
  if (queue.nextDeadMs <= store.nowMs) {
    let from = { died_at: 0, position: 0 }
    for (let isLast = false; !isLast; ) {
      const rows = dead.diedBefore(from, store.nowMs - maxAgeMs, DEAD_STEP)
      // Those that are damaged stay, and are not looked at again until the next start.
      const whole = rows.filter((row) => !queue.damagedDead.has(row.position) && queue.openDead(row) !== undefined)
      for (const row of whole) loseDead(queue, row)
      isLast = rows.length < DEAD_STEP || whole.length > 0
      from = rows.at(-1) ?? from
      if (isLast) queue.nextDeadMs = whole.length === DEAD_STEP ? 0 : dead.oldestAfter(store.nowMs - maxAgeMs) + maxAgeMs
    }
    queue.nextDeadMs = Math.max(queue.nextDeadMs, store.nowMs + 1)
  }
  return Math.max(1, queue.nextDeadMs - store.nowMs)
}
