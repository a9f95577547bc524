// What of a queue is shown to people: counts, and messages in pages.

import type { QueueCounts, StoredMessage, StoredQuery, StoredState } from '../../ground/store.ts'
import type { DeadRow, MessageRow } from './message-row.ts'
import { readErrors } from './attempt-errors.ts'
import type { QueueState } from './queue-state.ts'
import { readWindow } from './window.ts'

/** Of one page, so that large messages do not fill the memory. */
const PAGE_BYTES = 32 * 1024 * 1024

export function countsOf(queue: QueueState): QueueCounts {
  queue.flushDeletes()
  const { totals, leases, gate, damaged, waiting } = queue
  const held = gate?.keptCount ?? 0
  const [oldest] = waiting.headsWithin(0, totals.last_position, 1)
  return {
    ready: Math.max(0, queue.countOfFree - held),
    delayed: totals.scheduled,
    held,
    inFlight: leases.size,
    ...(damaged.size > 0 && { damaged: damaged.size }),
    bytes: totals.waiting_bytes,
    deadLetters: totals.dead,
    deadLetterBytes: totals.dead_bytes,
    stored: totals.stored,
    duplicates: totals.duplicates,
    acked: totals.acked,
    forwarded: totals.forwarded,
    deadLettered: totals.dead_lettered,
    expired: totals.expired,
    dropped: totals.dropped,
    purged: totals.purged,
    replayed: totals.replayed,
    retried: totals.retried,
    lastPosition: totals.last_position,
    oldestAtMs: oldest?.stored_at ?? 0,
  }
}

export function listOf(queue: QueueState, { which, after, limit }: StoredQuery): StoredMessage[] {
  queue.flushDeletes()
  const messages: StoredMessage[] = []
  let bytes = 0
  let at = after
  while (messages.length < limit && bytes < PAGE_BYTES) {
    const step = Math.min(limit - messages.length, 50)
    const rows = which === 'dead' ? queue.dead.rowsWithin(at, Number.MAX_SAFE_INTEGER, step) : nextRows(queue, at, step)
    if (rows.length === 0) break
    for (const row of rows) {
      at = row.position
      const message = which === 'dead' ? shownDead(queue, row as DeadRow) : shown(queue, row, stateOf(queue, row), queue.attemptsOf(row))
      if (message === undefined) continue
      messages.push(message)
      bytes += row.bytes
      if (bytes >= PAGE_BYTES) break
    }
  }
  return messages
}

// A window that found nothing but places that cannot be read has an end all the same.
function nextRows(queue: QueueState, after: number, limit: number): MessageRow[] {
  for (let at = after; ; ) {
    const { rows, next } = readWindow(queue, at, (from) => queue.waiting.rowsAfter(from, limit, PAGE_BYTES))
    if (rows.length > 0 || next === undefined || next >= queue.totals.last_position) return rows
    at = next
  }
}

function stateOf({ leases, gate }: QueueState, { position, due_at }: MessageRow): StoredState {
  if (leases.has(position)) return 'in-flight'
  if (due_at > 0) return 'delayed'
  return gate?.keepsBack(position) === true ? 'held' : 'ready'
}

function shownDead(queue: QueueState, row: DeadRow): StoredMessage | undefined {
  const message = shown(queue, row, 'dead', row.attempts)
  return message && { ...message, death: { reason: row.reason as NonNullable<StoredMessage['death']>['reason'], atMs: row.died_at, history: readErrors(queue.seal, row.position, row.errors) } }
}

function shown(queue: QueueState, row: MessageRow, state: StoredState, attempts: number): StoredMessage | undefined {
  const opened = state === 'dead' ? queue.openDead(row) : queue.open(row)
  if (opened === undefined) return undefined
  const { position, stored_at, due_at, expires_at, errors } = row
  const lastError = readErrors(queue.seal, position, errors).at(-1)?.error
  return {
    position,
    state,
    attempts,
    frame: opened.frame,
    storedAtMs: stored_at,
    dueAtMs: state === 'dead' ? 0 : due_at,
    expiresAtMs: expires_at,
    ...(opened.messageId !== undefined && { messageId: opened.messageId }),
    ...(opened.session !== undefined && { session: opened.session }),
    ...(lastError !== undefined && { lastError }),
  }
}
