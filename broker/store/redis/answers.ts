// What the script answers, as the rest of the store reads it, and what it is told of settings and messages.

import type { AttemptRecord, DeathReason, QueueCounts, QueueEvent, StoredMessage, StoredState } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import type { Entry } from '../brokered/foreign-queue.ts'

/** First position and how many: above 0 stored there, below a repeat of that position, 0: no room. */
export type Run = readonly [first: number, count: number]
export type Event = readonly [event: Buffer, position: number, attempt: number, reason: Buffer, dueAtMs: number]

/** Settings in the words of the script. */
export function settingsText({ maxMessages, maxBytes, whenFull, retentionMs, ackWaitMs, maxAckPending, retry, deadLetter, deduplication, ordering }: QueueSettings): string {
  const order = !ordering.enabled || ordering.guarantee === 'none' ? '' : ordering.guarantee === 'per_queue' ? 'queue' : 'session'
  return JSON.stringify({
    maxMessages,
    maxBytes,
    full: whenFull,
    retention: retentionMs,
    ackWait: ackWaitMs,
    maxAckPending,
    maxAttempts: retry.maxAttempts,
    dead: deadLetter.enabled,
    deadAge: deadLetter.maxAgeMs,
    window: deduplication.enabled ? deduplication.windowMs : 0,
    order,
    buffer: ordering.bufferSize,
    timeout: ordering.timeoutMs,
  })
}

/** What is said of a message beside its frame; empty: nothing. */
export function aboutText({ messageId, session, sequence, dueAtMs, expiresAtMs }: Omit<Entry, 'frame'>): string {
  if (messageId === undefined && session === undefined && sequence === 0 && dueAtMs === 0 && expiresAtMs === 0) return ''
  // Half a surrogate pair would make the script fail, and all messages of its call with it.
  // Numbers as text: the script's own way to write them has 14 digits.
  return JSON.stringify({ ...(messageId !== undefined && { id: messageId.toWellFormed() }), ...(session !== undefined && { session: session.toWellFormed() }), ...(sequence !== 0 && { sequence: String(sequence) }), ...(dueAtMs !== 0 && { due: String(dueAtMs) }), ...(expiresAtMs !== 0 && { expires: String(expiresAtMs) }) })
}

export function eventOf([event, position, attempt, reason, dueAtMs]: Event): QueueEvent {
  return { position, event: event.toString() as QueueEvent['event'], attempt, reason: reason.toString(), ...(dueAtMs === 0 ? {} : { dueAtMs }) }
}

export function countsOf(answer: unknown): QueueCounts {
  const [sums, messages, delayed, held, inFlight, deadLetters, oldestAtMs] = answer as [number[], number, number, number, number, number, number]
  const [stored, duplicates, acked, forwarded, deadLettered, expired, dropped, purged, replayed, retried, lastPosition, bytes, deadLetterBytes] = sums as [number, number, number, number, number, number, number, number, number, number, number, number, number]
  return { ready: messages - delayed - held - inFlight, delayed, held, inFlight, bytes, deadLetters, deadLetterBytes, stored, duplicates, acked, forwarded, deadLettered, expired, dropped, purged, replayed, retried, lastPosition, oldestAtMs }
}

type Listed = readonly [position: number, frame: Buffer, about: Buffer]
interface Waiting { readonly state: StoredState; readonly attempts: number; readonly at: number; readonly due: number; readonly expires: number; readonly id?: string; readonly session?: string; readonly error?: string }
interface Dead { readonly attempts: number; readonly at: number; readonly expires: number; readonly id?: string; readonly session?: string; readonly reason: DeathReason; readonly diedAt: number; readonly history: unknown }

export function waitingOf([position, frame, text]: Listed): StoredMessage {
  const { state, attempts, at, due, expires, id, session, error } = JSON.parse(text.toString()) as Waiting
  return { position, state, attempts, frame, storedAtMs: at, dueAtMs: due, expiresAtMs: expires, ...named(id, session), ...(error === undefined ? {} : { lastError: error }) }
}

export function deadOf([position, frame, text]: Listed): StoredMessage {
  const { attempts, at, expires, id, session, reason, diedAt, history: records } = JSON.parse(text.toString()) as Dead
  const history = historyOf(records)
  return { position, state: 'dead', attempts, frame, storedAtMs: at, dueAtMs: 0, expiresAtMs: expires, ...named(id, session), ...(history.length === 0 ? {} : { lastError: history.at(-1)!.error }), death: { reason, atMs: diedAt, history } }
}

function named(messageId: string | undefined, session: string | undefined): Pick<StoredMessage, 'messageId' | 'session'> {
  return { ...(messageId === undefined ? {} : { messageId }), ...(session === undefined ? {} : { session }) }
}

// Lua knows no empty list: it comes as an empty object.
function historyOf(records: unknown): AttemptRecord[] {
  if (!Array.isArray(records)) return []
  return (records as [number, number, string][]).map(([attempt, endedAtMs, error]) => ({ attempt, endedAtMs, error }))
}
