// What consumers of queues may say in control frames, checked.

import { BrokerError } from '../ground/errors.ts'
import { Fields } from '../ground/fields.ts'
import type { Settlement, Verdict } from '../ground/store.ts'

const MAX_PULL = 1_000_000
/** Messages of one settle frame. */
const MAX_SETTLEMENTS = 10_000
const MAX_DELAY_MS = 2 ** 31 - 1
const MAX_REASON = 1024
/** Frames that replace one message. */
const MAX_FORWARDS = 100

/** How many messages a consumer takes beside those it asked for before. */
export function readPull(body: unknown): number {
  const messages = new Fields('pull', body, malformed).integer('messages', 1, MAX_PULL)
  if (messages === undefined) throw malformed(`pull.messages is missing: how many messages may come, 1..${MAX_PULL}`)
  return messages
}

/** Frames that are published instead of a message, which is acked with that. */
export interface ForwardEntry {
  readonly position: number
  readonly attempt: number
  readonly frames: readonly Uint8Array[]
}

export interface Settle {
  readonly settlements: readonly Settlement[]
  readonly forwards: readonly ForwardEntry[]
}

/**
 * What a consumer says of messages on lease to it.
 * @throws BrokerError `frame.malformed`
 */
export function readSettle(body: unknown): Settle {
  const fields = new Fields('settle', body, malformed)
  const settlements: Settlement[] = []
  // What goes on is said first: in the same frame it may be settled.
  readPairs(fields.list('working'), 'working', settlements)
  readPairs(fields.list('ack'), 'ack', settlements)
  readPairs(fields.list('release'), 'release', settlements)
  for (const entry of fields.list('nak') ?? []) settlements.push(readNak(entry))
  for (const entry of fields.list('term') ?? []) settlements.push(readTerm(entry))
  const forwards = (fields.list('forward') ?? []).map(readForward)
  if (settlements.length + forwards.length > MAX_SETTLEMENTS) throw malformed(`settle must name at most ${MAX_SETTLEMENTS} messages, got ${settlements.length + forwards.length}; send several frames`)
  return { settlements, forwards }
}

function readPairs(list: readonly unknown[] | undefined, verdict: Verdict, settlements: Settlement[]): void {
  if (list === undefined) return
  if (list.length % 2 !== 0) throw malformed(`settle.${verdict} must hold position and attempt in turns, got ${list.length} numbers`)
  for (let i = 0; i < list.length; i += 2) {
    const position = list[i]
    const attempt = list[i + 1]
    if (!isCount(position) || !isCount(attempt)) throw malformed(`settle.${verdict} must hold integers from 1 on, position and attempt in turns`)
    settlements.push({ position, attempt, verdict })
  }
}

function readNak(entry: unknown): Settlement {
  const [position, attempt, delayMs, reason, ...more] = tuple(entry)
  if (!isCount(position) || !isCount(attempt) || more.length > 0) throw malformed('each of settle.nak must be [position, attempt, delayMs or null, reason]')
  if (delayMs !== undefined && delayMs !== null && !(Number.isInteger(delayMs) && (delayMs as number) >= 0 && (delayMs as number) <= MAX_DELAY_MS)) throw malformed(`the delay of a nak must be an integer of 0..${MAX_DELAY_MS} (ms), or null`)
  return { position, attempt, verdict: 'nak', ...(typeof delayMs === 'number' ? { delayMs } : {}), ...reasonOf(reason) }
}

function readTerm(entry: unknown): Settlement {
  const [position, attempt, reason, ...more] = tuple(entry)
  if (!isCount(position) || !isCount(attempt) || more.length > 0) throw malformed('each of settle.term must be [position, attempt, reason]')
  return { position, attempt, verdict: 'term', ...reasonOf(reason) }
}

function readForward(entry: unknown): ForwardEntry {
  const [position, attempt, frames, ...more] = tuple(entry)
  const isWhole = isCount(position) && isCount(attempt) && more.length === 0
  if (!isWhole || !Array.isArray(frames) || frames.length === 0 || frames.length > MAX_FORWARDS || !frames.every((frame) => frame instanceof Uint8Array)) throw malformed(`each of settle.forward must be [position, attempt, [1 to ${MAX_FORWARDS} publish frames]]`)
  return { position, attempt, frames }
}

function tuple(entry: unknown): readonly unknown[] {
  return Array.isArray(entry) ? (entry as readonly unknown[]) : []
}

function reasonOf(reason: unknown): { readonly reason?: string } {
  if (reason === undefined || reason === null) return {}
  if (typeof reason !== 'string' || reason.length > MAX_REASON) throw malformed(`the reason of a nak or term must be a text of at most ${MAX_REASON} characters`)
  return { reason }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function malformed(problem: string): BrokerError {
  return new BrokerError('frame.malformed', { problem })
}
