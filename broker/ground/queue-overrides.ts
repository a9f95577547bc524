// What one queue says of itself, over what holds for all of them: the shape, the ranges, and the two put together.

import type { Fields } from './fields.ts'
import { defaultQueue, durabilities, type DeduplicationSettings, type OrderingSettings, orderGuarantees, type QueueSettings, type RetrySchedule, whenFulls } from './store-settings.ts'

/** A part that may be left out, in all of its members. */
type Part<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** What a channel of mode `queue` says itself; the block `queue.config` and its kin decide the rest. */
export interface QueueOverrides extends Part<Omit<QueueSettings, 'retry' | 'deadLetter' | 'deduplication' | 'ordering'>> {
  readonly retry?: Part<RetrySchedule> | undefined
  readonly deadLetter?: Part<QueueSettings['deadLetter']> | undefined
  readonly deduplication?: Part<DeduplicationSettings> | undefined
  readonly ordering?: Part<OrderingSettings> | undefined
}

const DAY_MS = 86_400_000

/** Least and most of each number. Milliseconds, bytes and counts as the names in QueueSettings say */
export const queueRanges = {
  maxMessages: [0, 1_000_000_000_000],
  maxBytes: [0, 1024 ** 5],
  retentionMs: [0, 3650 * DAY_MS],
  ackWaitMs: [1, 7 * DAY_MS],
  maxAckPending: [1, 1_000_000],
  maxAttempts: [0, 1000],
  delayMs: [0, 30 * DAY_MS],
  /** Delays in a list. */
  delays: [1, 100],
  jitter: [0, 1],
  deadLetterMaxAgeMs: [0, 3650 * DAY_MS],
  windowMs: [1, 30 * DAY_MS],
  bufferSize: [0, 100_000],
  timeoutMs: [1, DAY_MS],
} as const satisfies Readonly<Record<string, readonly [min: number, max: number]>>

/** The settings of a queue that says `overrides` of itself. */
export function queueWith(defaults: QueueSettings, overrides: QueueOverrides = {}): QueueSettings {
  const { retry, deadLetter, deduplication, ordering, ...own } = overrides
  return {
    ...defaults,
    ...given(own),
    retry: { ...defaults.retry, ...given(retry) },
    deadLetter: { ...defaults.deadLetter, ...given(deadLetter) },
    deduplication: { ...defaults.deduplication, ...given(deduplication) },
    ordering: { ...defaults.ordering, ...given(ordering) },
  }
}

function given<T extends object>(part: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(part ?? {}).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/**
 * Refuses settings that there are not. For what somebody asks for now; what a newer broker wrote down, or tells the others, may have more.
 * @throws what `fields` refuses with
 */
export function refuseUnknownOverrides(fields: Fields): void {
  fields.only(Object.keys(defaultQueue))
  for (const block of ['retry', 'deadLetter', 'deduplication', 'ordering'] as const) fields.map(block)?.only(Object.keys(defaultQueue[block]))
}

/**
 * The overrides that a body or a file has, as JSON or MessagePack writes them.
 * @throws what `fields` refuses with
 */
export function readQueueOverrides(fields: Fields): QueueOverrides {
  const { maxMessages, maxBytes, retentionMs, ackWaitMs, maxAckPending } = queueRanges
  return given({
    durability: fields.choice('durability', durabilities),
    maxMessages: fields.integer('maxMessages', ...maxMessages),
    maxBytes: fields.integer('maxBytes', ...maxBytes),
    whenFull: fields.choice('whenFull', whenFulls),
    retentionMs: fields.integer('retentionMs', ...retentionMs),
    ackWaitMs: fields.integer('ackWaitMs', ...ackWaitMs),
    maxAckPending: fields.integer('maxAckPending', ...maxAckPending),
    retry: part(fields.map('retry'), readRetry),
    deadLetter: part(fields.map('deadLetter'), letter => ({ enabled: letter.flag('enabled'), maxAgeMs: letter.integer('maxAgeMs', ...queueRanges.deadLetterMaxAgeMs) })),
    deduplication: part(fields.map('deduplication'), readDeduplication),
    ordering: part(fields.map('ordering'), readOrdering),
  })
}

function part<T extends object>(fields: Fields | undefined, read: (fields: Fields) => T): ReturnType<typeof given<T>> | undefined {
  return fields === undefined ? undefined : given(read(fields))
}

function readRetry(retry: Fields): Part<RetrySchedule> {
  const { maxAttempts, delayMs, delays, jitter } = queueRanges
  return {
    maxAttempts: retry.integer('maxAttempts', ...maxAttempts),
    backoff: retry.choiceOrNumbers('backoff', ['exponential', 'fixed'], delays[1], ...delayMs),
    initialDelayMs: retry.integer('initialDelayMs', ...delayMs),
    maxDelayMs: retry.integer('maxDelayMs', ...delayMs),
    jitter: retry.number('jitter', ...jitter),
  }
}

function readDeduplication(block: Fields): Part<DeduplicationSettings> {
  return { enabled: block.flag('enabled'), windowMs: block.integer('windowMs', ...queueRanges.windowMs), storage: block.choice('storage', ['memory', 'persistent']) }
}

function readOrdering(block: Fields): Part<OrderingSettings> {
  return {
    enabled: block.flag('enabled'),
    guarantee: block.choice('guarantee', orderGuarantees),
    bufferSize: block.integer('bufferSize', ...queueRanges.bufferSize),
    timeoutMs: block.integer('timeoutMs', ...queueRanges.timeoutMs),
  }
}
