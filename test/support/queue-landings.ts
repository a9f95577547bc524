// For every key of queues and of the store: a configuration that sets it, and what of the settings must change to what.

import { homedir } from 'node:os'
import { join } from 'node:path'
import type { QueueOverrides } from '../../broker/ground/queue-overrides.ts'
import type { Settings } from '../../broker/ground/settings.ts'
import type { QueueSettings } from '../../broker/ground/store-settings.ts'

export type Landing = readonly [yaml: string, read: (settings: Settings) => unknown, expected: unknown]

/** Keys that stand in a block for all queues and in a channel for one: where, the value, and where it lands. */
const both: readonly (readonly [block: string, key: string, yaml: string, read: (queue: QueueSettings & QueueOverrides) => unknown, expected: unknown])[] = [
  ['queue.config', 'maxSize', '5', q => q.maxMessages, 5],
  ['queue.config', 'maxBytes', '2mb', q => q.maxBytes, 2_097_152],
  ['queue.config', 'whenFull', 'drop-oldest', q => q.whenFull, 'drop-oldest'],
  ['queue.config', 'retention', '12h', q => q.retentionMs, 43_200_000],
  ['queue.config', 'ackWait', '5s', q => q.ackWaitMs, 5000],
  ['queue.config', 'maxAckPending', '7', q => q.maxAckPending, 7],
  ['queue.config', 'durability', 'os', q => q.durability, 'os'],
  ['queue.config.retryPolicy', 'maxAttempts', '0', q => q.retry.maxAttempts, 0],
  ['queue.config.retryPolicy', 'backoff', '[1s, 5000, 1m]', q => q.retry.backoff, [1000, 5000, 60_000]],
  ['queue.config.retryPolicy', 'initialDelay', '2s', q => q.retry.initialDelayMs, 2000],
  ['queue.config.retryPolicy', 'maxDelay', '1h', q => q.retry.maxDelayMs, 3_600_000],
  ['queue.config.retryPolicy', 'jitter', '0', q => q.retry.jitter, 0],
  ['queue.config.deadLetter', 'enabled', 'false', q => q.deadLetter.enabled, false],
  ['queue.config.deadLetter', 'maxAge', '30d', q => q.deadLetter.maxAgeMs, 2_592_000_000],
  ['deduplication', 'enabled', 'true', q => q.deduplication.enabled, true],
  ['deduplication', 'window', '1h', q => q.deduplication.windowMs, 3_600_000],
  ['deduplication', 'storage', 'memory', q => q.deduplication.storage, 'memory'],
  ['ordering', 'enabled', 'true', q => q.ordering.enabled, true],
  ['ordering', 'guarantee', 'per_queue', q => q.ordering.guarantee, 'per_queue'],
  ['ordering', 'bufferSize', '9', q => q.ordering.bufferSize, 9],
  ['ordering', 'timeout', '3s', q => q.ordering.timeoutMs, 3000],
]

const inBlocks = both.map(([block, key, yaml, read, expected]): [string, Landing] => [`${block}.${key}`, [nested(`${block}.${key}`, yaml), s => read(s.queue.defaults), expected]])

const inChannels = both.map(([block, key, yaml, read, expected]): [string, Landing] => {
  const path = `${block.replace('queue.config', 'queue')}.${key}`
  return [`channels[].${path}`, [inChannel(nested(path, yaml)), s => read(s.channels[0]!.queue as QueueSettings), expected]]
})

function nested(path: string, value: string): string {
  return path.split('.').reduceRight((inner, name) => `{${name}: ${inner}}`, value)
}

function inChannel(block: string): string {
  return `channels: [{name: jobs, mode: queue, ${block.slice(1, -1)}}]`
}

const key = (yaml: string): string => `store: {embedded: {encryption: {keys: [${yaml}]}}}`

export const queueLandings: Readonly<Record<string, Landing>> = {
  ...Object.fromEntries(inBlocks),
  ...Object.fromEntries(inChannels),
  'queue.enabled': ['queue: {enabled: false}', s => s.queue.enabled, false],
  'queue.backend': ['queue: {backend: redis}', s => s.store.backend, 'redis'],
  'deduplication.strategy': ['deduplication: {strategy: message_id}', s => s.queue.defaults.deduplication.enabled, false],
  'channels[].queue': [inChannel('{queue: {}}'), s => s.channels[0]?.queue, emptyOverrides({})],
  'channels[].queue.retryPolicy': [inChannel('{queue: {retryPolicy: {}}}'), s => s.channels[0]?.queue?.retry, { maxAttempts: undefined, backoff: undefined, initialDelayMs: undefined, maxDelayMs: undefined, jitter: undefined }],
  'channels[].queue.deadLetter': [inChannel('{queue: {deadLetter: {}}}'), s => s.channels[0]?.queue?.deadLetter, { enabled: undefined, maxAgeMs: undefined }],
  'channels[].deduplication': [inChannel('{deduplication: {}}'), s => s.channels[0]?.queue, emptyOverrides({ deduplication: { enabled: undefined, windowMs: undefined, storage: undefined } })],
  'channels[].deduplication.strategy': [inChannel('{deduplication: {strategy: message_id}}'), s => s.channels[0]?.queue?.deduplication?.enabled, undefined],
  'channels[].ordering': [inChannel('{ordering: {}}'), s => s.channels[0]?.queue, emptyOverrides({ ordering: { enabled: undefined, guarantee: undefined, bufferSize: undefined, timeoutMs: undefined } })],
  'store.embedded.path': ['store: {embedded: {path: ./queues}}', s => s.store.embedded.path, '/etc/callboard/queues'],
  'store.embedded.encryption': [key('{file: k}'), s => s.store.embedded.encryption?.keys.length, 1],
  'store.embedded.encryption.keys': [key('{file: a}, {file: /b}'), s => s.store.embedded.encryption?.keys, [{ file: '/etc/callboard/a' }, { file: '/b' }]],
  'store.embedded.encryption.keys[].file': [key('{file: ~/k}'), s => s.store.embedded.encryption?.keys, [{ file: join(homedir(), 'k') }]],
  'store.embedded.encryption.keys[].command': [key('{command: [~/bin/key, show, store]}'), s => s.store.embedded.encryption?.keys, [{ command: [join(homedir(), 'bin/key'), 'show', 'store'] }]],
  'store.embedded.checkAtStart': ['store: {embedded: {checkAtStart: false}}', s => s.store.embedded.checkAtStart, false],
  'store.redis.url': ['store: {redis: {url: "rediss://r1:7000/2"}}', s => s.store.redis.url, 'rediss://r1:7000/2'],
  'store.redis.passwordFile': ['store: {redis: {passwordFile: r.pass}}', s => s.store.redis.passwordFile, '/etc/callboard/r.pass'],
  'store.redis.tls': ['store: {redis: {url: "rediss://r1", tls: {}}}', s => s.store.redis.tls, { caFile: undefined, certFile: undefined, keyFile: undefined }],
  'store.redis.tls.ca': ['store: {redis: {url: "rediss://r1", tls: {ca: ca.pem}}}', s => s.store.redis.tls?.caFile, '/etc/callboard/ca.pem'],
  'store.redis.tls.cert': ['store: {redis: {url: "rediss://r1", tls: {cert: c.pem, key: k.pem}}}', s => s.store.redis.tls?.certFile, '/etc/callboard/c.pem'],
  'store.redis.tls.key': ['store: {redis: {url: "rediss://r1", tls: {cert: c.pem, key: k.pem}}}', s => s.store.redis.tls?.keyFile, '/etc/callboard/k.pem'],
  'store.redis.prefix': ['store: {redis: {prefix: hall}}', s => s.store.redis.prefix, 'hall'],
  'store.redis.strictDurability': ['store: {redis: {strictDurability: false}}', s => s.store.redis.strictDurability, false],
  'store.nats.servers': ['bus: {nats: {servers: [b1]}}\nstore: {nats: {servers: ["nats://n1:4222", n2]}}', s => s.store.nats.servers, ['nats://n1:4222', 'n2']],
  'store.nats.credentials': ['store: {nats: {servers: [n1], credentials: js.creds}}', s => s.store.nats.credentials, '/etc/callboard/js.creds'],
  'store.nats.tls': ['store: {nats: {servers: [n1], tls: {}}}', s => s.store.nats.tls, { caFile: undefined, certFile: undefined, keyFile: undefined }],
  'store.nats.tls.ca': ['store: {nats: {servers: [n1], tls: {ca: ca.pem}}}', s => s.store.nats.tls?.caFile, '/etc/callboard/ca.pem'],
  'store.nats.tls.cert': ['store: {nats: {servers: [n1], tls: {cert: c.pem, key: k.pem}}}', s => s.store.nats.tls?.certFile, '/etc/callboard/c.pem'],
  'store.nats.tls.key': ['store: {nats: {servers: [n1], tls: {cert: c.pem, key: k.pem}}}', s => s.store.nats.tls?.keyFile, '/etc/callboard/k.pem'],
  'store.nats.replicas': ['store: {nats: {replicas: 3}}', s => s.store.nats.replicas, 3],
  'store.kafka.brokers': ['store: {kafka: {brokers: ["k1:9092", "[::1]:9093"]}}', s => s.store.kafka.brokers, ['k1:9092', '[::1]:9093']],
  'store.kafka.clientId': ['store: {kafka: {clientId: hall-1}}', s => s.store.kafka.clientId, 'hall-1'],
  'store.kafka.prefix': ['store: {kafka: {prefix: hall}}', s => s.store.kafka.prefix, 'hall'],
  'store.kafka.replicas': ['store: {kafka: {replicas: 2}}', s => s.store.kafka.replicas, 2],
}

function emptyOverrides(more: QueueOverrides): QueueOverrides {
  return { durability: undefined, maxMessages: undefined, maxBytes: undefined, whenFull: undefined, retentionMs: undefined, ackWaitMs: undefined, maxAckPending: undefined, retry: undefined, deadLetter: undefined, deduplication: undefined, ordering: undefined, ...more }
}
