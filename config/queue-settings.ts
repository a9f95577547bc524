// Turns the blocks of queues and of the store into settings.

import { type QueueOverrides, queueWith } from '../broker/ground/queue-overrides.ts'
import { defaultQueue, type KeySource, type QueuesSettings, type StoreSettings, type StoreTls } from '../broker/ground/store-settings.ts'
import { resolveCommand, resolvePath } from './paths.ts'
import type { ConfigFile } from './schema.ts'

type ClientTls = NonNullable<ConfigFile['store']['redis']['tls']>
type ChannelKeys = Pick<NonNullable<ConfigFile['channels']>[number], 'queue' | 'deduplication' | 'ordering'>

/** What holds for all queues. */
export function queuesSettings({ queue, deduplication, ordering }: ConfigFile): QueuesSettings {
  return { enabled: queue.enabled, defaults: queueWith(defaultQueue, overridesOf({ queue: queue.config, deduplication, ordering })) }
}

/** What one channel says itself; undefined when it says nothing. */
export function channelOverrides(channel: ChannelKeys): QueueOverrides | undefined {
  return channel.queue === undefined && channel.deduplication === undefined && channel.ordering === undefined ? undefined : overridesOf(channel)
}

function overridesOf({ queue = {}, deduplication, ordering }: ChannelKeys): QueueOverrides {
  const { retryPolicy: retry, deadLetter } = queue
  return {
    durability: queue.durability,
    maxMessages: queue.maxSize,
    maxBytes: queue.maxBytes,
    whenFull: queue.whenFull,
    retentionMs: queue.retention,
    ackWaitMs: queue.ackWait,
    maxAckPending: queue.maxAckPending,
    retry: retry && { maxAttempts: retry.maxAttempts, backoff: retry.backoff, initialDelayMs: retry.initialDelay, maxDelayMs: retry.maxDelay, jitter: retry.jitter },
    deadLetter: deadLetter && { enabled: deadLetter.enabled, maxAgeMs: deadLetter.maxAge },
    deduplication: deduplication && { enabled: deduplication.enabled, windowMs: deduplication.window, storage: deduplication.storage },
    ordering: ordering && { enabled: ordering.enabled, guarantee: ordering.guarantee, bufferSize: ordering.bufferSize, timeoutMs: ordering.timeout },
  }
}

/** Where queues are kept; relative paths start at `directory`. JetStream is that of the bus where nothing else is said. */
export function storeSettings({ queue, store, bus }: ConfigFile, directory: string): StoreSettings {
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolvePath(path, directory))
  const { embedded, redis, nats, kafka } = store
  const joined = nats.servers === undefined ? bus.nats : undefined
  const tlsOf = (tls: ClientTls | undefined): { tls?: StoreTls } => (tls === undefined ? {} : { tls: { caFile: file(tls.ca), certFile: file(tls.cert), keyFile: file(tls.key) } })
  return {
    backend: queue.backend,
    embedded: { path: file(embedded.path), encryption: embedded.encryption && { keys: embedded.encryption.keys.map(key => keySource(key, directory)) }, checkAtStart: embedded.checkAtStart },
    redis: { url: redis.url, passwordFile: file(redis.passwordFile), ...tlsOf(redis.tls), prefix: redis.prefix, strictDurability: redis.strictDurability },
    nats: {
      servers: nats.servers ?? joined?.servers ?? [],
      credentials: file(nats.credentials ?? joined?.credentials),
      ...tlsOf(nats.tls ?? joined?.tls),
      replicas: nats.replicas,
    },
    kafka: { brokers: kafka.brokers, clientId: kafka.clientId, prefix: kafka.prefix, replicas: kafka.replicas },
  }
}

// Exactly one of the two is there: config/queue-checks.ts.
function keySource({ file, command }: { file?: string | undefined; command?: readonly string[] | undefined }, directory: string): KeySource {
  if (command === undefined) return { file: resolvePath(file!, directory) }
  return { command: [resolveCommand(command[0]!), ...command.slice(1)] }
}
