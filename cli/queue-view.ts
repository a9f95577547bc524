// Queues for people: how they are, what became of their messages, how they are set.

import type { QueueInfo, QueuesStatus, StoreInfo } from '../client/index.ts'
import { formatBytes, formatCount, formatDuration, plural } from './format.ts'
import { formatRate } from './metric-format.ts'
import { formatFields, formatTable, type Column } from './table.ts'

type Counts = NonNullable<QueueInfo['counts']>

const UNKNOWN = '?'
const counted = (title: string, read: (counts: Counts) => number): Column<QueueInfo> => ({ title, align: 'right', cell: ({ counts }) => (counts === undefined ? UNKNOWN : formatCount(read(counts))) })
const name: Column<QueueInfo> = { title: 'QUEUE', cell: queue => queue.name }
const state: Column<QueueInfo> = { title: 'STATE', cell: stateOf }
const dead = counted('DEAD', counts => counts.deadLetters)
const inFlight = counted('IN FLIGHT', counts => counts.inFlight)
const consumers: Column<QueueInfo> = { title: 'CONSUMERS', align: 'right', cell: queue => formatCount(queue.consumers) }

/** All that waits to be done with: ready, delayed, kept back for order, what consumers have, and what nobody can have as it is damaged. */
function waitingIn({ ready, delayed, held, inFlight, damaged = 0 }: Counts): number {
  return ready + delayed + held + inFlight + damaged
}

export function queueTable(queues: readonly QueueInfo[]): string {
  const columns: readonly Column<QueueInfo>[] = [
    name,
    state,
    counted('WAITING', waitingIn),
    inFlight,
    dead,
    consumers,
    { title: 'IN', align: 'right', cell: ({ rates }) => formatRate(rates.stored) },
    { title: 'OUT', align: 'right', cell: ({ rates }) => formatRate(rates.acked) },
    { title: 'OLDEST', align: 'right', cell: oldestOf },
  ]
  return formatTable(columns, queues)
}

export function statusTable(queues: readonly QueueInfo[]): string {
  const columns: readonly Column<QueueInfo>[] = [
    name,
    state,
    counted('READY', counts => counts.ready),
    counted('DELAYED', counts => counts.delayed),
    counted('HELD', counts => counts.held),
    inFlight,
    { title: 'SIZE', align: 'right', cell: ({ counts }) => (counts === undefined ? UNKNOWN : formatBytes(counts.bytes)) },
    dead,
    consumers,
    { title: 'OLDEST', align: 'right', cell: oldestOf },
  ]
  return formatTable(columns, queues)
}

export function statsTable(queues: readonly QueueInfo[]): string {
  const columns: readonly Column<QueueInfo>[] = [
    name,
    counted('STORED', counts => counts.stored),
    counted('DUPLICATES', counts => counts.duplicates),
    counted('ACKED', counts => counts.acked),
    counted('FORWARDED', counts => counts.forwarded),
    counted('RETRIED', counts => counts.retried),
    counted('DEAD', counts => counts.deadLettered),
    counted('REPLAYED', counts => counts.replayed),
    counted('EXPIRED', counts => counts.expired),
    counted('DROPPED', counts => counts.dropped),
    counted('PURGED', counts => counts.purged),
    counted('WAITING', waitingIn),
  ]
  return formatTable(columns, queues)
}

export function deadLetterTable(queues: readonly QueueInfo[]): string {
  const columns: readonly Column<QueueInfo>[] = [
    name,
    counted('DEAD LETTERS', counts => counts.deadLetters),
    { title: 'SIZE', align: 'right', cell: ({ counts }) => (counts === undefined ? UNKNOWN : formatBytes(counts.deadLetterBytes)) },
    counted('SO FAR', counts => counts.deadLettered),
    counted('REPLAYED', counts => counts.replayed),
    { title: 'KEPT', cell: ({ settings: { deadLetter } }) => (!deadLetter.enabled ? 'not at all' : deadLetter.maxAgeMs === 0 ? 'for ever' : formatDuration(deadLetter.maxAgeMs)) },
  ]
  return formatTable(columns, queues)
}

/** What is said of one queue alone. */
export function queueFields(queue: QueueInfo): string {
  const { counts, rates, settings, problem } = queue
  const { ordering, deduplication } = settings
  return formatFields([
    ['queue', queue.name],
    ['state', problem === undefined ? stateOf(queue) : problem.message],
    ['consumers', formatCount(queue.consumers)],
    ...(counts === undefined ? [] : countFields(counts)),
    ['rate', rates.coversMs === 0 ? 'not known yet' : `${formatRate(rates.stored)} in, ${formatRate(rates.acked)} done, over ${formatDuration(rates.coversMs)}`],
    ['confirmed', { memory: 'in memory', os: 'when the system has it (os)', fsync: 'when the disk has it (fsync)' }[settings.durability]],
    ['limits', `${settings.maxMessages === 0 ? 'any number of messages' : `${formatCount(settings.maxMessages)} messages`}, ${settings.maxBytes === 0 ? 'any size' : formatBytes(settings.maxBytes)}; when full: ${settings.whenFull}`],
    ['expires', settings.retentionMs === 0 ? 'never' : `after ${formatDuration(settings.retentionMs)}`],
    ['ack wait', `${formatDuration(settings.ackWaitMs)}, ${formatCount(settings.maxAckPending)} in flight at most`],
    ['retries', retriesOf(settings)],
    ['duplicates', deduplication.enabled ? `known for ${formatDuration(deduplication.windowMs)} (${deduplication.storage})` : 'not looked for'],
    ['order', ordering.enabled && ordering.guarantee !== 'none' ? `${ordering.guarantee}; waits ${formatDuration(ordering.timeoutMs)} for what is late or failed` : 'none'],
  ])
}

function countFields(counts: Counts): [string, string][] {
  return [
    ['waiting', `${formatCount(waitingIn(counts))} (${formatCount(counts.ready)} ready, ${formatCount(counts.delayed)} delayed, ${formatCount(counts.held)} held for order, ${formatCount(counts.inFlight)} in flight${counts.damaged === undefined || counts.damaged === 0 ? '' : `, ${formatCount(counts.damaged)} damaged: see callboard queue verify`}), ${formatBytes(counts.bytes)}`],
    ['oldest', counts.oldestAtMs === 0 ? 'nothing waits' : `${formatDuration(Math.max(0, Date.now() - counts.oldestAtMs))} ago`],
    ['dead letters', `${formatCount(counts.deadLetters)}, ${formatBytes(counts.deadLetterBytes)}`],
    ['so far', `${formatCount(counts.stored)} stored, ${formatCount(counts.acked)} acked, ${formatCount(counts.forwarded)} forwarded, ${formatCount(counts.retried)} retried, ${formatCount(counts.deadLettered)} dead, ${formatCount(counts.expired)} expired, ${formatCount(counts.dropped)} dropped, ${formatCount(counts.purged)} purged, ${formatCount(counts.duplicates)} duplicates`],
  ]
}

function retriesOf({ retry }: QueueInfo['settings']): string {
  const attempts = retry.maxAttempts === 0 ? 'as many attempts as it takes' : `${formatCount(retry.maxAttempts)} attempts`
  const { backoff } = retry
  if (typeof backoff !== 'string') return `${attempts}, after ${backoff.map(ms => formatDuration(ms)).join(', ')}`
  return backoff === 'fixed' ? `${attempts}, ${formatDuration(retry.initialDelayMs)} apart` : `${attempts}, first after ${formatDuration(retry.initialDelayMs)}, twice that each time, ${formatDuration(retry.maxDelayMs)} at most`
}

/** The store in a line or more: what it is, and what it cannot promise. */
export function storeFields({ backend, features }: StoreInfo): string {
  if (features === undefined) return formatFields([['store', `${backend}, not open: there is no queue`]])
  return formatFields([['store', `${backend}, up to ${features.durability}`], ...features.limits.map((limit): [string, string] => ['', limit])])
}

/** All queues in a line, and those that cannot work. */
export function queuesFields({ backend, count, failed, waiting, deadLetters }: QueuesStatus): [string, string][] {
  return [['queues', `${formatCount(count)} (${backend}), ${plural(waiting, 'message')} waiting, ${plural(deadLetters, 'dead letter')}${failed.length === 0 ? '' : `; ${failed.join(', ')} cannot work`}`]]
}

function stateOf({ problem, isPaused, counts }: QueueInfo): string {
  if (problem !== undefined) return problem.code
  const state = isPaused ? 'paused' : 'ok'
  return (counts?.damaged ?? 0) > 0 ? `${state}, ${formatCount(counts!.damaged!)} damaged` : state
}

function oldestOf({ counts }: QueueInfo): string {
  if (counts === undefined) return UNKNOWN
  return counts.oldestAtMs === 0 ? '-' : formatDuration(Math.max(0, Date.now() - counts.oldestAtMs))
}
