// Ends leases: done, again later, never again, not delivered, or not over yet.

import type { BrokerError } from '../../ground/errors.ts'
import { failPoint } from '../../ground/fail-point.ts'
import type { Settlement } from '../../ground/store.ts'
import { isLastAttempt, retryDelayMs } from '../policy/retry-schedule.ts'
import { append, canHaveRoom, full } from './appending.ts'
import { withFailure } from './attempt-errors.ts'
import type { AppendStep } from './group.ts'
import type { Lease } from './leases.ts'
import { UNTRIED } from './message-row.ts'
import type { QueueState } from './queue-state.ts'

/** Settles one message. False: its lease is not held any more. */
export function settle(queue: QueueState, { position, attempt, verdict, delayMs, reason }: Settlement): boolean {
  const { store, leases } = queue
  const lease = leases.find(position, attempt)
  if (lease === undefined) return false
  if (verdict === 'working') {
    leases.renew(lease, store.steadyMs)
    return true
  }
  store.database.write(queue.settings.durability)
  if (verdict === 'ack') {
    queue.totals.acked++
    done(queue, lease)
  } else if (verdict === 'release') release(queue, lease)
  else if (verdict === 'term') {
    noteFailure(queue, lease, 0, reason ?? 'terminated by its consumer')
    end(queue, lease)
    queue.die({ position, bytes: lease.bytes, due_at: 0 }, attempt, 'term')
  } else fail(queue, lease, reason ?? 'not acknowledged by its consumer', delayMs)
  failPoint('store.after-settle')
  return true
}

/** An attempt failed: again after its delay, or never when it was the last. */
export function fail(queue: QueueState, lease: Lease, error: string, delayMs?: number): void {
  const { store, settings, totals, gate } = queue
  const { position, attempt, bytes } = lease
  const isLast = isLastAttempt(settings.retry, attempt)
  const isOver = isLast || queue.isExpired(lease)
  const waitMs = isOver ? 0 : (delayMs ?? retryDelayMs(settings.retry, attempt))
  const dueAtMs = waitMs > 0 ? store.nowMs + waitMs : 0
  noteFailure(queue, lease, dueAtMs, error)
  end(queue, lease)
  if (isOver) {
    queue.die({ position, bytes, due_at: 0 }, attempt, isLast ? 'max-attempts' : 'expired')
    return
  }
  totals.retried++
  queue.oldestAfter = Math.min(queue.oldestAfter, position - 1)
  store.outcome.happened(queue.id, { position, event: 'retry', attempt, reason: error, dueAtMs: dueAtMs === 0 ? store.nowMs : dueAtMs })
  const other = gate?.fail(position, store.steadyMs) ?? 0
  if (other !== 0) queue.returned.add(other)
  if (dueAtMs === 0) return queue.arrive(lease, true)
  totals.scheduled++
  queue.nextDueMs = Math.min(queue.nextDueMs, dueAtMs)
}

/** One of the messages that take another one's place. */
interface Target {
  readonly queue: QueueState
  readonly step: AppendStep
}

/** The lease that ends when a message is replaced by others; 'lost' when it is not held any more, or why they have no room. */
export function forwardable(source: QueueState, position: number, attempt: number, targets: readonly Target[]): Lease | 'lost' | BrokerError {
  const lease = source.leases.find(position, attempt)
  if (lease === undefined) return 'lost'
  const sums = new Map<QueueState, { count: number; bytes: number; lastSeal: number }>()
  for (const { queue, step: { read } } of targets) {
    const { count, bytes, lastSeal } = sums.get(queue) ?? { count: 0, bytes: 0, lastSeal: 0 }
    // Each has to fit as a frame, behind those before it as they stand in their rows.
    const seal = queue.seal.bytesAround(read)
    sums.set(queue, { count: count + read.count, bytes: bytes + lastSeal + read.end - read.start + (read.count - 1) * seal, lastSeal: seal })
  }
  // Whatever the queue does when it is full: of a message that is gone by that nothing may be dropped.
  for (const [queue, { count, bytes }] of sums) if (!canHaveRoom(queue, count, bytes)) return full(queue)
  return lease
}

/** Acks one message and appends others, in this transaction. */
export function forward(source: QueueState, lease: Lease, targets: readonly Target[]): void {
  source.store.database.write(source.settings.durability)
  for (const { queue, step } of targets) append(queue, step)
  failPoint('store.in-forward')
  source.totals.forwarded++
  done(source, lease)
}

function done(queue: QueueState, lease: Lease): void {
  const { position, bytes } = lease
  queue.gate?.keepNext(lease, queue.store.nowMs)
  end(queue, lease)
  queue.deleteLater(position)
  queue.leave({ position, bytes, due_at: 0 })
}

// It was not delivered: as if it had never been on lease.
function release(queue: QueueState, lease: Lease): void {
  const { position, attempt } = lease
  queue.waiting.setState(position, attempt === 1 ? UNTRIED : attempt - 1, 0)
  end(queue, lease)
  queue.gate?.release(position)
  queue.returned.add(position)
  queue.oldestAfter = Math.min(queue.oldestAfter, position - 1)
  if (queue.isExpired(lease)) queue.nextExpiryMs = 0
}

function end(queue: QueueState, lease: Lease): void {
  queue.leases.remove(lease)
  queue.touch()
}

function noteFailure(queue: QueueState, { position, attempt }: Lease, dueAtMs: number, error: string): void {
  const errors = withFailure(queue.seal, position, queue.waiting.errors(position), { attempt, endedAtMs: queue.store.nowMs, error })
  queue.waiting.setFailure(position, attempt, dueAtMs, errors)
}
