// Messages of queues for people: a table, or each with all that is known of it.

import { toJsonValue } from '../broker/ground/json-value.ts'
import type { QueuedInfo } from '../client/index.ts'
import { formatBytes, formatCount, formatDateTime, formatDuration, plural } from './format.ts'
import { payloadText } from './message-view.ts'
import { formatFields, formatTable, type Column } from './table.ts'

/** A message and the queue it stands in. */
export type QueuedRow = QueuedInfo & { readonly queue: string }

const PREVIEW_WIDTH = 60

const columns = {
  queue: { title: 'QUEUE', cell: row => row.queue },
  position: { title: 'POSITION', align: 'right', cell: row => String(row.position) },
  state: { title: 'STATE', cell: row => row.state },
  attempts: { title: 'ATTEMPTS', align: 'right', cell: row => formatCount(row.attempts) },
  age: { title: 'AGE', align: 'right', cell: row => formatDuration(Math.max(0, Date.now() - row.storedAt)) },
  due: { title: 'DUE', align: 'right', cell: row => (row.dueAt > Date.now() ? `in ${formatDuration(row.dueAt - Date.now())}` : '-') },
  reason: { title: 'REASON', cell: row => row.death?.reason ?? '-' },
  died: { title: 'DIED', align: 'right', cell: row => (row.death === undefined ? '-' : `${formatDuration(Math.max(0, Date.now() - row.death.at))} ago`) },
  error: { title: 'LAST ERROR', cell: row => cut(row.lastError ?? '-') },
  subject: { title: 'SUBJECT', cell: row => row.subject },
  sender: { title: 'SENDER', cell: row => row.sender ?? '-' },
  bytes: { title: 'SIZE', align: 'right', cell: row => formatBytes(row.bytes) },
  payload: { title: 'PAYLOAD', cell: row => cut(row.preview) },
} satisfies Record<string, Column<QueuedRow>>

export function waitingTable(rows: readonly QueuedRow[]): string {
  const { queue, position, state, attempts, age, due, subject, sender, bytes, payload } = columns
  return formatTable([queue, position, state, attempts, age, due, subject, sender, bytes, payload], rows)
}

export function deadTable(rows: readonly QueuedRow[]): string {
  const { queue, position, reason, attempts, died, error, subject, bytes, payload } = columns
  return formatTable([queue, position, reason, attempts, died, error, subject, bytes, payload], rows)
}

/** All that is known of one message, its payload last. */
export function queuedText(row: QueuedRow): string {
  const { death, headers } = row
  const when = (ms: number): string => formatDateTime(ms)
  const fields: [string, string][] = [
    ['message', `${row.queue} ${row.position}, ${row.state}`],
    ['subject', `${row.subject}${row.kind === 'request' ? ' (request)' : ''}`],
    ...(row.sender === undefined ? [] : ([['sender', row.sender]] as [string, string][])),
    ...(row.mid === undefined ? [] : ([['id', row.mid]] as [string, string][])),
    ...(row.session === undefined ? [] : ([['session', row.session]] as [string, string][])),
    ['stored', when(row.storedAt)],
    ...(row.dueAt === 0 ? [] : ([['due', when(row.dueAt)]] as [string, string][])),
    ...(row.expiresAt === 0 ? [] : ([['expires', when(row.expiresAt)]] as [string, string][])),
    ['attempts', formatCount(row.attempts)],
    ...(row.lastError === undefined ? [] : ([['last error', row.lastError]] as [string, string][])),
    ...(death === undefined ? [] : ([['dead', `${death.reason}, ${when(death.at)}`], ...death.history.map(({ attempt, endedAtMs, error }): [string, string] => [`attempt ${attempt}`, `${when(endedAtMs)}  ${error}`])] as [string, string][])),
    ...(headers === undefined ? [] : ([['headers', JSON.stringify(toJsonValue(headers))]] as [string, string][])),
  ]
  // Without the payload it was too large to be sent along, or cannot be decoded: its beginning is there in any case.
  return `${formatFields(fields)}\n${row.payload === undefined ? `${row.preview} (the beginning of ${plural(row.bytes, 'byte')})` : payloadText(row.payload)}`
}

function cut(text: string): string {
  return text.length > PREVIEW_WIDTH ? `${text.slice(0, PREVIEW_WIDTH - 1)}…` : text
}
