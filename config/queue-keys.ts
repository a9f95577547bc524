// The blocks `queue`, `deduplication` and `ordering`, and what a channel of mode queue may say differently.

import type { z } from 'zod'
import { queueRanges } from '../broker/ground/queue-overrides.ts'
import { defaultStore, durabilities, orderGuarantees, whenFulls } from '../broker/ground/store-settings.ts'
import { defaultSettings } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, map, optional } from './keys.ts'
import { choice, count, duration, factor, flag, size, wordOrDurations } from './kinds.ts'
import { formatSize } from './size.ts'

const { enabled, defaults } = defaultSettings.queue
const { retry, deadLetter, deduplication, ordering } = defaults

/** Of each key the kind of its value and what it means, as it stands in a block and again in a channel. */
type Keys = Readonly<Record<string, readonly [kind: z.ZodType, about: string]>>

const sizes = {
  maxSize: [count(...queueRanges.maxMessages), 'Most messages that wait in a queue. 0: any number.'],
  maxBytes: [size(...queueRanges.maxBytes), 'Most bytes of them. 0: any number.'],
  whenFull: [choice(whenFulls), 'What happens at the limit: `refuse` (publishers get `queue.full`), `drop-oldest` (what waits longest becomes a dead letter) or `drop-newest`.'],
  retention: [duration(...queueRanges.retentionMs), 'A message that waited longer expires, and becomes a dead letter. 0: never.'],
  ackWait: [duration(...queueRanges.ackWaitMs), 'How long a consumer may take over a message before it is delivered again.'],
  maxAckPending: [count(...queueRanges.maxAckPending), 'Most messages of a queue that consumers may have at a time.'],
  durability: [choice(durabilities), 'When a publish is confirmed: in `memory`, written to the system (`os`), or on the disk (`fsync`).'],
} as const satisfies Keys

const retryKeys = {
  maxAttempts: [count(...queueRanges.maxAttempts), 'Deliveries before a message becomes a dead letter. 0: as many as it takes.'],
  backoff: [wordOrDurations(['exponential', 'fixed'], queueRanges.delays[1], ...queueRanges.delayMs), 'How the wait before the next delivery grows: `exponential` doubles it, `fixed` does not, a list has each wait in turn and its last one for the rest.'],
  initialDelay: [duration(...queueRanges.delayMs), 'Wait before the second delivery.'],
  maxDelay: [duration(...queueRanges.delayMs), 'Longest wait.'],
  jitter: [factor(...queueRanges.jitter), 'Share of the wait that is random, so that messages do not come back in step. Not of a list.'],
} as const satisfies Keys

const deadLetterKeys = {
  enabled: [flag, 'Keep the messages that could not be handled. false: they are gone, and counted.'],
  maxAge: [duration(...queueRanges.deadLetterMaxAgeMs), 'How long they are kept. 0: for ever.'],
} as const satisfies Keys

const deduplicationKeys = {
  enabled: [flag, 'Accept a message with an id that came before on its channel, but keep and deliver it only once.'],
  strategy: [choice(['message_id']), 'What tells that two messages are the same: the header `mid`.'],
  window: [duration(...queueRanges.windowMs), 'How long an id is remembered.'],
  storage: [choice(['memory', 'persistent']), 'Where the ids of queues are remembered: until the broker ends, or with the queue over restarts. Other channels remember in memory alone.'],
} as const satisfies Keys

const orderingKeys = {
  enabled: [flag, 'Hand out the messages of a queue in order, also where several consumers share it or one fails. Of queues alone: other channels deliver in the order in which each sender published, and hold nothing back.'],
  guarantee: [choice(orderGuarantees), 'Which messages wait for each other: those of one session (`per_session`), all of the queue (`per_queue`), or `none`.'],
  bufferSize: [count(...queueRanges.bufferSize), 'How many messages of a session wait for one that is late by its header `sequence`. 0: none.'],
  timeout: [duration(...queueRanges.timeoutMs), 'How long they wait for it, and how long a session waits for a message that failed.'],
} as const satisfies Keys

type Input<K extends Keys> = { readonly [N in keyof K]: z.util.NoUndefined<z.input<K[N][0]>> }

/** The keys with what holds without them. */
function withDefaults<K extends Keys>(keys: K, fallbacks: Input<K>): { [N in keyof K]: z.ZodPrefault<K[N][0]> } {
  const entries = Object.entries(keys).map(([name, [kind, about]]) => [name, defaulted(kind, fallbacks[name] as never, about)])
  return Object.fromEntries(entries) as { [N in keyof K]: z.ZodPrefault<K[N][0]> }
}

/** The keys for one queue; what it does not say is as `block` has it. Each place has schemas of its own: notes belong to places. */
function asOverrides<K extends Keys>(keys: K, block: string): { [N in keyof K]: z.ZodOptional<K[N][0]> } {
  const entries = Object.entries(keys).map(([name, [kind, about]]) => [name, optional(kind, `that of ${block}.${name}`, about)])
  return Object.fromEntries(entries) as { [N in keyof K]: z.ZodOptional<K[N][0]> }
}

export const queueBlock = block({
  enabled: defaulted(flag, enabled, 'Have channels of mode `queue`. false: they are refused.'),
  backend: defaulted(choice(['embedded', 'memory', 'redis', 'nats', 'kafka']), defaultStore.backend, 'Where queues are kept: in a database of the broker itself (`embedded`), in memory, or in servers that `store` names.'),
  config: block({
    ...withDefaults(sizes, {
      maxSize: defaults.maxMessages,
      maxBytes: formatSize(defaults.maxBytes),
      whenFull: defaults.whenFull,
      retention: formatDuration(defaults.retentionMs),
      ackWait: formatDuration(defaults.ackWaitMs),
      maxAckPending: defaults.maxAckPending,
      durability: defaults.durability,
    }),
    retryPolicy: block(
      withDefaults(retryKeys, {
        maxAttempts: retry.maxAttempts,
        backoff: typeof retry.backoff === 'string' ? retry.backoff : [...retry.backoff],
        initialDelay: formatDuration(retry.initialDelayMs),
        maxDelay: formatDuration(retry.maxDelayMs),
        jitter: retry.jitter,
      }),
    ),
    deadLetter: block(withDefaults(deadLetterKeys, { enabled: deadLetter.enabled, maxAge: formatDuration(deadLetter.maxAgeMs) })),
  }),
})

export const deduplicationBlock = block(
  withDefaults(deduplicationKeys, { enabled: deduplication.enabled, strategy: 'message_id', window: formatDuration(deduplication.windowMs), storage: deduplication.storage }),
)

export const orderingBlock = block(
  withDefaults(orderingKeys, { enabled: ordering.enabled, guarantee: ordering.guarantee, bufferSize: ordering.bufferSize, timeout: formatDuration(ordering.timeoutMs) }),
)

/** What a channel of mode `queue` may have beside its name. */
export const queueChannelKeys = {
  queue: optional(
    map({
      ...asOverrides(sizes, 'queue.config'),
      retryPolicy: optional(map(asOverrides(retryKeys, 'queue.config.retryPolicy')), 'that of queue.config.retryPolicy', 'When and how often a message is delivered again.'),
      deadLetter: optional(map(asOverrides(deadLetterKeys, 'queue.config.deadLetter')), 'that of queue.config.deadLetter', 'What becomes of messages that could not be handled.'),
    }),
    'as queue.config has it',
    'Mode `queue`: what holds for this queue alone.',
  ),
  deduplication: optional(map(asOverrides(deduplicationKeys, 'deduplication')), 'as the block deduplication has it', 'Mode `queue`: what is a duplicate in this queue.'),
  ordering: optional(map(asOverrides(orderingKeys, 'ordering')), 'as the block ordering has it', 'Mode `queue`: which order this queue keeps.'),
} as const
