// Puts messages into a queue: duplicates, limits, and the hand-over to whoever waits already.
//
// A message that comes while there is demand and nothing before it is written as on lease at once: the transaction that stores it
// counts its first attempt.

import { BrokerError } from '../../ground/errors.ts'
import { failPoint } from '../../ground/fail-point.ts'
import type { AppendStep } from './group.ts'
import type { MessageHead } from './message-row.ts'
import type { AppendRead } from './operations.ts'
import type { QueueState } from './queue-state.ts'

/** Rows that are looked at for one that can make room. */
const ROOM_WINDOW = 200

/** Appends the frames of one operation. */
export function append(queue: QueueState, { number, read, bytes, batch }: AppendStep): void {
  const { store, totals } = queue
  // Who does not wait for the disk is told before the commit.
  const outcome = read.durability === 'memory' ? store.early : store.outcome
  if (store.problem !== undefined) return outcome.refused(number, read.count, store.problem)
  store.database.write(read.durability)
  queue.touch()
  const id = read.messageId === undefined || queue.dedup === undefined ? undefined : queue.seal.idOf(read.messageId)
  if (id !== undefined) {
    const position = queue.dedup!.find(id, store.nowMs)
    if (position !== 0) {
      totals.duplicates++
      return outcome.duplicate(number, position)
    }
  }
  const first = totals.last_position + 1
  let start = read.start
  let stored = 0
  while (start < read.end && stored < read.count) {
    const end = start + 4 + bytes.readUInt32BE(start)
    if (!makeRoom(queue, end - start)) break
    insert(queue, read, bytes, start, end, batch)
    start = end
    stored++
  }
  if (stored > 0) {
    if (id !== undefined) queue.dedup!.remember(id, first, store.nowMs)
    outcome.stored(number, first, stored)
  }
  if (stored === read.count) return
  if (queue.settings.whenFull === 'drop-newest') outcome.dropped(number, read.count - stored)
  else outcome.refused(number, read.count - stored, full(queue))
}

/** True when messages of that many bytes fit without anything being dropped. */
function hasRoom({ totals, settings: { maxMessages, maxBytes } }: QueueState, count: number, bytes: number): boolean {
  return (maxMessages === 0 || totals.waiting + count <= maxMessages) && (maxBytes === 0 || totals.waiting_bytes + bytes <= maxBytes)
}

/** True when they fit, or what is to be dropped for them is on lease to nobody, and whole: what is damaged stays, and is told here. */
export function canHaveRoom(queue: QueueState, count: number, bytes: number): boolean {
  if (hasRoom(queue, count, bytes)) return true
  if (!mayHaveRoom(queue, count, bytes)) return false
  queue.flushDeletes()
  let [freed, freedBytes] = [0, 0]
  for (const head of oldestFree(queue)) {
    if (!queue.isWhole(head.position)) continue
    freed++
    freedBytes += head.bytes
    if (hasRoom(queue, count - freed, bytes - freedBytes)) return true
  }
  return false
}

// As far as is known without a look at rows.
function mayHaveRoom({ leases, damaged, settings: { whenFull, maxMessages, maxBytes } }: QueueState, count: number, bytes: number): boolean {
  // What is damaged makes no room, and nobody knows how large it is.
  if (whenFull !== 'drop-oldest' || (maxBytes > 0 && damaged.size > 0)) return false
  if (maxMessages > 0 && leases.size + damaged.size + count > maxMessages) return false
  if (maxBytes === 0) return true
  let heldBytes = 0
  for (const lease of leases.values()) heldBytes += lease.bytes
  return heldBytes + bytes <= maxBytes
}

/** What waits and is on lease to nobody, but for what is known to be damaged: in the order in which makeRoom drops it. */
function* oldestFree({ waiting, leases, damaged, totals, oldestAfter }: QueueState): Generator<MessageHead> {
  for (const [begin, end] of [[oldestAfter, totals.last_position], [0, oldestAfter]] as const) {
    for (let after = begin; after < end; ) {
      const heads = waiting.headsWithin(after, end, ROOM_WINDOW)
      for (const head of heads) if (!leases.has(head.position) && !damaged.has(head.position)) yield head
      after = heads.length < ROOM_WINDOW ? end : heads.at(-1)!.position
    }
  }
}

/** `queue.full` with what there is. */
export function full({ name, totals, settings: { maxMessages, maxBytes } }: QueueState): BrokerError {
  return new BrokerError('queue.full', { queue: name, messages: totals.waiting, bytes: totals.waiting_bytes, maxMessages, maxBytes })
}

function insert(queue: QueueState, read: AppendRead, bytes: Buffer, start: number, end: number, batch: number): void {
  const { store, totals } = queue
  const { nowMs } = store
  const position = totals.last_position + 1
  const dueAtMs = read.dueAtMs > nowMs ? read.dueAtMs : 0
  const frame = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
  const fields = { position, storedAtMs: nowMs, expiresAtMs: read.expiresAtMs, sequence: read.sequence, messageId: read.messageId ?? null, session: read.session ?? null }
  const sealed = queue.seal.seal(fields, frame)
  const isHandedOver = dueAtMs === 0 && isNext(queue, position) && takesTurn(queue, position, sealed.session, read.sequence)
  failPoint('store.before-insert')
  queue.waiting.insert({ position, attempts: isHandedOver ? 1 : 0, due_at: dueAtMs, expires_at: read.expiresAtMs, stored_at: nowMs, sequence: read.sequence }, sealed)
  totals.last_position = position
  totals.waiting++
  totals.waiting_bytes += sealed.blob.length
  totals.stored++
  if (read.expiresAtMs > 0) queue.nextExpiryMs = Math.min(queue.nextExpiryMs, read.expiresAtMs)
  if (queue.settings.retentionMs > 0) queue.nextExpiryMs = Math.min(queue.nextExpiryMs, nowMs + queue.settings.retentionMs)
  if (dueAtMs > 0) {
    totals.scheduled++
    queue.nextDueMs = Math.min(queue.nextDueMs, dueAtMs)
    // Whoever comes next need not wait until the cursor has passed by here.
    if (queue.cursor === position - 1) queue.cursor = position
  }
  if (!isHandedOver) return
  store.database.write(queue.settings.durability)
  queue.demand--
  queue.leases.add({ position, attempt: 1, bytes: sealed.blob.length, session: sealed.session, sequence: read.sequence, expires_at: read.expiresAtMs, stored_at: nowMs, sinceMs: store.steadyMs })
  store.outcome.leased(queue.id, { position, attempt: 1, batch, bytes, start, end })
}

/** Somebody waits, and nothing is before it. */
function isNext({ demand, cursor, returned, leases, settings, isPaused, gate }: QueueState, position: number): boolean {
  return demand > 0 && cursor === position - 1 && returned.size === 0 && !isPaused && leases.size < settings.maxAckPending && gate?.isFull !== true
}

/** The cursor passes it: true when it goes at once, false when the order keeps it back. */
function takesTurn(queue: QueueState, position: number, session: string | null, sequence: number): boolean {
  queue.cursor = position
  if (queue.gate === undefined) return true
  let isFree = false
  for (const free of queue.gate.arrive({ position, session, sequence }, false, queue.store.steadyMs)) {
    if (free === position) isFree = true
    else queue.returned.add(free)
  }
  return isFree
}

function makeRoom(queue: QueueState, bytes: number): boolean {
  if (hasRoom(queue, 1, bytes)) return true
  const { whenFull, maxBytes } = queue.settings
  if (whenFull !== 'drop-oldest' || (maxBytes > 0 && bytes > maxBytes)) return false
  queue.flushDeletes()
  // From where the last one was found; once more from the first when there is none behind it.
  let hasBegunAnew = queue.oldestAfter === 0
  while (!hasRoom(queue, 1, bytes)) {
    const heads = queue.waiting.headsWithin(queue.oldestAfter, queue.totals.last_position, ROOM_WINDOW)
    const head = heads.find(({ position }) => !queue.leases.has(position) && !queue.damaged.has(position))
    if (head !== undefined) {
      queue.oldestAfter = head.position
      queue.die(head, queue.attemptsOf(head), 'overflow')
    } else if (heads.length > 0) queue.oldestAfter = heads.at(-1)!.position
    else if (hasBegunAnew) return false
    else {
      queue.oldestAfter = 0
      hasBegunAnew = true
    }
  }
  return true
}
