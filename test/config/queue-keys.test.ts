import test from 'ava'
import { defaultQueue } from '../../broker/ground/store-settings.ts'
import { fromJson, fromYaml, linesOf } from '../support/config.ts'

// The blocks of the gateway guide, as they stand there.
const queueBlock = `{
"queue": {
"enabled": true,
"backend": "redis", // redis | memory | kafka
"config": {
"maxSize": 10000,
"retryPolicy": {
"maxAttempts": 3,
"backoff": "exponential",
"initialDelay": "1s",
"maxDelay": "30s"
},
"deadLetter": {
"enabled": true,
"maxAge": "7d"
}
}
}
}`
const orderBlock = `{
"deduplication": {
"enabled": true,
"strategy": "message_id", // 基于消息 ID
"window": "5m", // 5分钟内去重
"storage": "memory" // 内存存储去重记录
},
"ordering": {
"enabled": true,
"guarantee": "per_session", // 按会话保证顺序
"bufferSize": 100,
"timeout": "10s"
}
}`

test('config: the block queue of the gateway guide loads as it stands', async t => {
  const { settings, warnings } = await fromJson(queueBlock)
  t.is(settings.store.backend, 'redis')
  t.deepEqual(settings.queue, { enabled: true, defaults: defaultQueue })
  t.deepEqual(warnings, [])
  for (const backend of ['memory', 'kafka'] as const) t.is((await fromJson(queueBlock.replace('"redis"', `"${backend}"`))).settings.store.backend, backend)
})

test('config: the blocks deduplication and ordering of the gateway guide load as they stand', async t => {
  const { settings, warnings } = await fromJson(orderBlock)
  t.deepEqual(settings.queue.defaults.deduplication, { enabled: true, windowMs: 300_000, storage: 'memory' })
  t.deepEqual(settings.queue.defaults.ordering, { enabled: true, guarantee: 'per_session', bufferSize: 100, timeoutMs: 10_000 })
  t.deepEqual(warnings, [])
})

test('config: what a channel of mode queue says stays apart from what holds for all', async t => {
  const { settings } = await fromYaml('queue: {config: {maxSize: 50}}\nchannels: [{name: a, mode: queue}, {name: b, mode: queue, queue: {maxSize: 5}}]')
  t.deepEqual(settings.channels.map(({ queue }) => queue?.maxMessages), [undefined, 5])
  t.is(settings.queue.defaults.maxMessages, 50)
})

test('config: JetStream of the bus is taken where store.nats names no servers', async t => {
  const { settings } = await fromYaml('queue: {backend: nats}\nbus: {nats: {servers: [n1, n2], credentials: bus.creds, tls: {ca: ca.pem}}}')
  t.deepEqual(settings.store.nats, { servers: ['n1', 'n2'], credentials: '/etc/callboard/bus.creds', tls: { caFile: '/etc/callboard/ca.pem', certFile: undefined, keyFile: undefined }, replicas: 1 })
  // Other servers have other users.
  t.is((await fromYaml('bus: {nats: {servers: [n1], credentials: bus.creds}}\nstore: {nats: {servers: [n9]}}')).settings.store.nats.credentials, undefined)
})

test('config: what queues cannot do at the same time is refused with its place', async t => {
  const cases: [yaml: string, lines: string[]][] = [
    ['queue: {enabled: false}\nchannels: [{name: a, mode: queue}]', ['2:28: channels[0].mode is "queue", and queue.enabled is false; remove one']],
    ['channels: [{name: a, ordering: {enabled: true}}]', ['1:22: channels[0].ordering is for channels of mode queue, which channels[0] is not; remove it, or give it mode: queue']],
    ['queue: {backend: nats}', ['1:18: queue.backend is "nats", and neither store.nats.servers nor bus.nats.servers says where; give one of them']],
    ['store: {redis: {tls: {ca: ca.pem}}}', ['1:17: store.redis.tls is for a server whose store.redis.url begins with rediss://; write that there, or remove store.redis.tls']],
    ['store: {redis: {url: "rediss://r", tls: {key: k.pem}}}', ['1:47: store.redis.tls.key needs store.redis.tls.cert beside it']],
    ['store: {nats: {tls: {cert: c.pem}}}', ['1:28: store.nats.tls.cert needs store.nats.tls.key beside it']],
    ['queue: {config: {retryPolicy: {initialDelay: 1m}}}', ['1:46: queue.config.retryPolicy.initialDelay (1m) is longer than maxDelay (30s)']],
    ['queue: {config: {retryPolicy: {maxDelay: 5s}}}\nchannels: [{name: a, mode: queue, queue: {retryPolicy: {initialDelay: 6s}}}]', ['2:71: channels[0].queue.retryPolicy.initialDelay (6s) is longer than maxDelay (5s)']],
    ['store: {embedded: {encryption: {keys: [{}, {file: a, command: [b]}]}}}', [
      '1:40: store.embedded.encryption.keys[0] has neither file nor command; give it one of them',
      '1:44: store.embedded.encryption.keys[1] has both file and command; remove one',
    ]],
  ]
  for (const [yaml, lines] of cases) t.deepEqual(await linesOf(t, fromYaml(yaml)), lines)
})

test('config: wrong values of queues are told with what is allowed', async t => {
  t.deepEqual(await linesOf(t, fromYaml('queue: {backend: rabbit, config: {retryPolicy: {backoff: linear}}}\nstore: {redis: {url: "redis://me:pw@host"}, kafka: {brokers: [k1]}}')), [
    '1:18: queue.backend is "rabbit"; allowed: one of embedded, memory, redis, nats, kafka',
    '1:58: queue.config.retryPolicy.backoff is "linear"; allowed: one of exponential, fixed, or a list of 1 to 100 durations',
    '2:22: store.redis.url is a text that is not shown; allowed: the address of a Redis server, redis://host:port or rediss://host:port, a database behind it, without user and password',
    '2:63: store.kafka.brokers[0] is "k1"; allowed: host:port',
  ])
  t.deepEqual(await linesOf(t, fromYaml('queue: {config: {retryPolicy: {backoff: [1s, soon]}}}')), [
    '1:46: queue.config.retryPolicy.backoff[1] is "soon"; allowed: a duration from 0ms to 30d, such as "5s", or a number of milliseconds',
  ])
})
