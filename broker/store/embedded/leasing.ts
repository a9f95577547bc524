// Gives messages out to demand: first those that came back, then the backlog in windows.
//
//   store      [ a ][ b ]     [ a'][ b']     [ a"] …     each a transaction and its commit
//   consumers       [ a ][ b ]     [ a'][ b'] …          who take, handle and settle it meanwhile

import { failPoint } from '../../ground/fail-point.ts'
import { withFailure } from './attempt-errors.ts'
import type { MessageRow } from './message-row.ts'
import type { QueueState, StoreState } from './queue-state.ts'
import { readWindow } from './window.ts'

/** Given out by one transaction at most, so that those who publish need not wait long for their turn. */
const MAX_MESSAGES = 2000
const MAX_BYTES = 8 * 1024 * 1024
/** Less is not worth a commit of its own. Messages */
const MIN_SHARE = 256
/** Rows that one transaction looks at in search of those whose turn it is. */
const MAX_LOOKS = 20_000
const WINDOW = 256
/** Read before anybody asks for it. */
const MAX_AHEAD = 1000
const MAX_AHEAD_BYTES = 1024 * 1024

/** Leases what may be leased. True: there is more to do at once. */
export function lease(queue: QueueState): boolean {
  const run = { messages: 0, bytes: 0, looks: 0 }
  while (canLease(queue)) {
    if (queue.returned.size === 0) {
      if (queue.gate?.isFull === true) break
      if (queue.cursor >= queue.totals.last_position) {
        missMessages(queue)
        break
      }
    }
    if (roomOf(queue) <= 0 || run.bytes >= MAX_BYTES || run.looks >= MAX_LOOKS) return true
    if (queue.returned.size > 0) leaseReturned(queue, run)
    else if (queue.gate === undefined) leaseBacklog(queue, run)
    else passBacklog(queue, run)
  }
  return false
}

// How many this transaction may still give out: half of what consumers have and want together. Given out at once, all of it would come back at once
// as well, and store, broker and consumers would wait for each other in turn. The sum does not change while it is given out.
function roomOf({ demand, leases, settings }: QueueState): number {
  const half = Math.ceil(Math.min(demand + leases.size, settings.maxAckPending) / 2)
  return Math.min(MAX_MESSAGES, Math.max(MIN_SHARE, half)) - leases.begun
}

interface Run {
  messages: number
  bytes: number
  looks: number
}

// All rows were looked at, and nothing waits for anything: what is counted and not there is lost.
function missMessages(queue: QueueState): void {
  const { totals, gate, isMissingTold } = queue
  const missing = queue.countOfFree - (gate?.keptCount ?? 0)
  if (missing <= 0 || isMissingTold || queue.returned.size > 0) return
  queue.isMissingTold = true
  queue.store.onDamage(queue.name, 0, `${missing} of ${totals.waiting} messages are missing`)
}

function canLease({ demand, leases, settings, isPaused }: QueueState): boolean {
  return demand > 0 && !isPaused && leases.size < settings.maxAckPending
}

function leaseReturned(queue: QueueState, run: Run): void {
  const position = queue.returned.values().next().value!
  queue.returned.delete(position)
  run.looks++
  const row = readWindow(queue, position - 1, () => [queue.waiting.row(position)]).rows[0]
  if (row === undefined) queue.passOn(position)
  else give(queue, row, run, false)
}

// Rows with their frames at once: without an order all of them go.
function leaseBacklog(queue: QueueState, run: Run): void {
  const { totals, demand, leases, settings } = queue
  queue.flushDeletes()
  const limit = Math.max(1, Math.min(WINDOW, demand, settings.maxAckPending - leases.size, roomOf(queue)))
  const { rows, next } = readWindow(queue, queue.cursor, (after) => queue.waiting.rowsAfter(after, limit, MAX_BYTES - run.bytes))
  run.looks += rows.length
  queue.cursor = next ?? rows.at(-1)?.position ?? totals.last_position
  const before = run.messages
  for (const row of rows) give(queue, row, run, true)
  queue.store.given.set(queue, (queue.store.given.get(queue) ?? 0) + run.messages - before)
}

/** Reads on in the backlogs of which something was given out: as much again, while those who got it are busy with it. Called when they have been told. */
export function readOn({ given }: StoreState): void {
  for (const [queue, count] of given) queue.readAhead(Math.min(count, MAX_AHEAD), MAX_AHEAD_BYTES)
  given.clear()
}

// With an order: each row takes its turn, and comes back by `returned`.
function passBacklog(queue: QueueState, run: Run): void {
  queue.flushDeletes()
  const { rows, next } = readWindow(queue, queue.cursor, (after) => queue.waiting.headsAfter(after, WINDOW))
  run.looks += rows.length
  queue.cursor = rows.length < WINDOW && next === undefined ? queue.totals.last_position : (next ?? rows.at(-1)!.position)
  for (const head of rows) if (head.due_at === 0 && !queue.leases.has(head.position) && !queue.damaged.has(head.position)) queue.arrive(head, queue.attemptsOf(head) > 0)
}

/** @param isInOrder every row before it was looked at, and handed out if it could be */
function give(queue: QueueState, row: MessageRow, run: Run, isInOrder: boolean): void {
  const { store, settings, totals } = queue
  const { position } = row
  if (row.due_at > 0 || queue.leases.has(position) || queue.damaged.has(position)) return
  const opened = queue.open(row)
  if (opened === undefined) return
  const { maxAttempts } = settings.retry
  const before = queue.attemptsOf(row)
  if (queue.isExpired(row)) {
    queue.die(row, before, 'expired')
    return
  }
  // Its last attempt ended with the process that had it on lease.
  if (maxAttempts > 0 && before >= maxAttempts) {
    store.database.write('os')
    queue.touch()
    queue.waiting.setFailure(position, before, 0, withFailure(queue.seal, position, row.errors, { attempt: before, endedAtMs: store.nowMs, error: 'the broker ended while it was on lease' }))
    queue.die(row, before, 'max-attempts')
    return
  }
  const attempt = before + 1
  store.database.write(settings.durability)
  failPoint('store.before-lease')
  // One number for all first attempts, instead of a write to each row.
  if (isInOrder && row.attempts === 0 && position > totals.attempted) totals.attempted = position
  else queue.waiting.setState(position, attempt, 0)
  queue.touch()
  queue.demand--
  queue.leases.add({ position, attempt, bytes: row.bytes, session: row.session, sequence: row.sequence, expires_at: row.expires_at, stored_at: row.stored_at, sinceMs: store.steadyMs })
  store.outcome.leased(queue.id, { position, attempt, batch: 0, bytes: opened.frame, start: 0, end: opened.frame.length })
  run.messages++
  run.bytes += opened.frame.length
}
