// Every key of queues, in a queue that has it and in one that has not: each must make the difference that it is for. The keys of
// stores that are servers are held by the tests of those stores.

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Client, QueueInfo } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { queueLandings } from '../support/queue-landings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

interface Case {
  /** As in a channel; in a block for all queues `queue` is `queue.config`. */
  readonly key: string
  readonly value: unknown
  /** What the queue has besides, with the key and without. */
  readonly besides?: object
  /** What can be seen of the key in the queue. */
  readonly see: (client: Client, queue: string) => Promise<unknown>
  readonly without: unknown
  readonly with: unknown
}

const MINUTE_MS = 60_000

const counts = async (client: Client, queue: string): Promise<NonNullable<QueueInfo['counts']>> => (await client.call('queue.show', { name: queue })).counts!
const publish = (client: Client, queue: string, options: object = {}, value: unknown = 'x'): Promise<{ readonly stored?: { readonly isDuplicate: boolean } }> => client.publish(queue, value, { ...options, receipt: true })
const codes = async (...publishes: (() => Promise<unknown>)[]): Promise<string[]> => {
  const found: string[] = []
  for (const each of publishes) found.push(await errorCode(each()))
  return found
}
const take = async (client: Client, queue: string, limit = 1, timeoutMs = 30_000) => client.fetch(queue, { limit, timeoutMs })
/** Publishes one message and lets its first attempt fail; what becomes of it. */
const failOne = async (client: Client, queue: string): Promise<string> => {
  await publish(client, queue)
  const [message] = await take(client, queue)
  await message!.nak({ reason: 'x' })
  const { ready, delayed, deadLetters } = await counts(client, queue)
  return deadLetters > 0 ? 'dead letter' : delayed > 0 ? 'delayed' : ready > 0 ? 'ready' : 'gone'
}
/** How many of these messages consumers may have at a time. */
const together = async (client: Client, queue: string, ...sessions: string[]): Promise<number> => {
  for (const session of sessions) await publish(client, queue, { session })
  await take(client, queue)
  const enough = new AbortController()
  const fetched = errorCode(client.fetch(queue, { limit: sessions.length, signal: enough.signal }))
  // What is asked for in this turn is before the second question.
  await counts(client, queue)
  const { inFlight } = await counts(client, queue)
  enough.abort()
  await fetched
  return inFlight
}
/** When messages that failed are due again, from when they failed. */
const dueAfterMs = async (client: Client, queue: string, count: number, isSecond: boolean): Promise<number[]> => {
  for (let i = 0; i < count; i++) await publish(client, queue)
  const first = await take(client, queue, count)
  if (isSecond) {
    await Promise.all(first.map(message => message.nak({ delayMs: 0 })))
    await Promise.all((await take(client, queue, count)).map(message => message.nak()))
  } else await Promise.all(first.map(message => message.nak()))
  const nowMs = Date.now()
  const { messages } = await client.call('queue.inspect', { name: queue, limit: count })
  return messages.map(({ dueAt }) => dueAt - nowMs)
}
const minutes = (dues: readonly number[]): number => Math.round(dues[0]! / MINUTE_MS)

const failing = { retryPolicy: { maxAttempts: 5, initialDelay: '10m', maxDelay: '1h', jitter: 0 } }

const cases: readonly Case[] = [
  { key: 'queue.maxSize', value: 1, see: (client, queue) => codes(() => publish(client, queue), () => publish(client, queue)), without: ['resolved', 'resolved'], with: ['resolved', 'queue.full'] },
  { key: 'queue.maxBytes', value: '1kb', see: (client, queue) => codes(() => publish(client, queue, {}, 'y'.repeat(700)), () => publish(client, queue, {}, 'y'.repeat(700))), without: ['resolved', 'resolved'], with: ['resolved', 'queue.full'] },
  {
    key: 'queue.whenFull', value: 'drop-oldest', besides: { queue: { maxSize: 1 } },
    see: async (client, queue) => [await codes(() => publish(client, queue), () => publish(client, queue)), (await counts(client, queue)).deadLetters],
    without: [['resolved', 'queue.full'], 0],
    with: [['resolved', 'resolved'], 1],
  },
  {
    key: 'queue.retention', value: '20ms',
    see: async (client, queue) => {
      await publish(client, queue)
      const { settings } = await client.call('queue.show', { name: queue })
      if (settings.retentionMs > 0) await until(async () => (await counts(client, queue)).deadLetters === 1)
      const { messages } = await client.call('queue.inspect', { name: queue, which: 'dead' })
      return messages[0]?.death?.reason ?? 'stays'
    },
    without: 'stays',
    with: 'expired',
  },
  {
    key: 'queue.ackWait', value: '50ms',
    see: async (client, queue) => {
      const { settings } = await client.call('queue.show', { name: queue })
      await publish(client, queue)
      const [first] = await take(client, queue)
      return settings.ackWaitMs > 1000 ? first!.attempt : (await take(client, queue))[0]!.attempt
    },
    without: 1,
    with: 2,
  },
  { key: 'queue.maxAckPending', value: 1, see: (client, queue) => together(client, queue, 'a', 'b'), without: 2, with: 1 },
  { key: 'queue.durability', value: 'memory', see: async (client, queue) => (await client.call('queue.show', { name: queue })).settings.durability, without: 'fsync', with: 'memory' },
  { key: 'queue.retryPolicy.maxAttempts', value: 1, besides: { queue: failing }, see: failOne, without: 'delayed', with: 'dead letter' },
  { key: 'queue.retryPolicy.backoff', value: ['5m'], besides: { queue: failing }, see: async (client, queue) => minutes(await dueAfterMs(client, queue, 1, true)), without: 20, with: 5 },
  { key: 'queue.retryPolicy.initialDelay', value: '15m', besides: { queue: failing }, see: async (client, queue) => minutes(await dueAfterMs(client, queue, 1, false)), without: 10, with: 15 },
  { key: 'queue.retryPolicy.maxDelay', value: '12m', besides: { queue: failing }, see: async (client, queue) => minutes(await dueAfterMs(client, queue, 1, true)), without: 20, with: 12 },
  {
    key: 'queue.retryPolicy.jitter', value: 1, besides: { queue: failing },
    see: async (client, queue) => {
      const dues = await dueAfterMs(client, queue, 8, false)
      return Math.max(...dues) - Math.min(...dues) > 5000 ? 'apart' : 'together'
    },
    without: 'together',
    with: 'apart',
  },
  { key: 'queue.deadLetter.enabled', value: false, besides: { queue: { retryPolicy: { maxAttempts: 1 } } }, see: failOne, without: 'dead letter', with: 'gone' },
  {
    key: 'queue.deadLetter.maxAge', value: '20ms', besides: { queue: { retryPolicy: { maxAttempts: 1 } } },
    see: async (client, queue) => {
      await failOne(client, queue)
      const { settings } = await client.call('queue.show', { name: queue })
      if (settings.deadLetter.maxAgeMs < 1000) await until(async () => (await counts(client, queue)).deadLetters === 0)
      return (await counts(client, queue)).deadLetters
    },
    without: 1,
    with: 0,
  },
  { key: 'deduplication.enabled', value: true, see: async (client, queue) => [await publish(client, queue, { mid: 'm' }), await publish(client, queue, { mid: 'm' })].map(({ stored }) => stored!.isDuplicate), without: [false, false], with: [false, true] },
  {
    key: 'deduplication.window', value: '20ms', besides: { deduplication: { enabled: true } },
    see: async (client, queue) => {
      await publish(client, queue, { mid: 'm' })
      const { settings } = await client.call('queue.show', { name: queue })
      if (settings.deduplication.windowMs < 1000) await until(async () => !(await publish(client, queue, { mid: 'm' })).stored!.isDuplicate)
      return (await counts(client, queue)).stored
    },
    without: 1,
    with: 2,
  },
  { key: 'ordering.enabled', value: true, see: (client, queue) => together(client, queue, 'a', 'a'), without: 2, with: 1 },
  { key: 'ordering.guarantee', value: 'per_queue', besides: { ordering: { enabled: true } }, see: (client, queue) => together(client, queue, 'a', 'b'), without: 2, with: 1 },
  {
    key: 'ordering.bufferSize', value: 0, besides: { ordering: { enabled: true } },
    see: async (client, queue) => {
      await publish(client, queue, { session: 'a', sequence: 1 })
      await publish(client, queue, { session: 'a', sequence: 3 })
      const [first] = await take(client, queue)
      await first!.ack()
      const { ready, held } = await counts(client, queue)
      return { ready, held }
    },
    without: { ready: 0, held: 1 },
    with: { ready: 1, held: 0 },
  },
  {
    key: 'ordering.timeout', value: '20ms', besides: { ordering: { enabled: true } },
    see: async (client, queue) => {
      await publish(client, queue, { session: 'a', sequence: 1 })
      await publish(client, queue, { session: 'a', sequence: 3 })
      const [first] = await take(client, queue)
      await first!.ack()
      const { settings } = await client.call('queue.show', { name: queue })
      if (settings.ordering.timeoutMs < 1000) await until(async () => (await counts(client, queue)).ready === 1)
      return (await counts(client, queue)).held
    },
    without: 1,
    with: 0,
  },
]

/** `{queue: {retryPolicy: {jitter: 0}}}` of `queue.retryPolicy.jitter`. */
const nested = (path: string, value: unknown): object => path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

function merged(one: object, other: object): object {
  const [first, second] = [one as Record<string, unknown>, other as Record<string, unknown>]
  const both = Object.keys(second).map(key => [key, isMap(first[key]) && isMap(second[key]) ? merged(first[key], second[key]) : second[key]])
  return { ...first, ...(Object.fromEntries(both) as object) }
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)
const nameOf = (key: string): string => key.replaceAll('.', '-')

test('config: each key of a queue makes a difference in the queue that has it', async t => {
  const channels = cases.flatMap(({ key, value, besides = {} }) => [
    { name: `plain.${nameOf(key)}`, mode: 'queue', ...besides },
    { name: `own.${nameOf(key)}`, mode: 'queue', ...merged(besides, nested(key, value)) },
  ])
  const broker = await startBroker(t, { config: { queue: { backend: 'memory' }, channels } })
  const client = await broker.connect()
  await Promise.all(
    cases.map(async ({ key, see, without, with: expected }) => {
      t.deepEqual(await see(client, `plain.${nameOf(key)}`), without, `without ${key}`)
      t.deepEqual(await see(client, `own.${nameOf(key)}`), expected, `with ${key}`)
    }),
  )
})

test('config: what stands in the blocks holds for every queue that says nothing else', async t => {
  const blocks = cases.reduce<object>((all, { key, value }) => merged(all, nested(key.replace(/^queue\./, 'queue.config.'), value)), { queue: { backend: 'memory', config: { retryPolicy: { initialDelay: '1s' } } } })
  const broker = await startBroker(t, { config: merged(blocks, { queue: { config: { retention: '1h', retryPolicy: { initialDelay: '11m' } } }, channels: [{ name: 'jobs', mode: 'queue' }, { name: 'own', mode: 'queue', queue: { maxSize: 77 } }] }) })
  const client = await broker.connect()
  const { settings } = await client.call('queue.show', { name: 'jobs' })
  t.deepEqual(settings, {
    durability: 'memory', maxMessages: 1, maxBytes: 1024, whenFull: 'drop-oldest', retentionMs: 60 * MINUTE_MS, ackWaitMs: 50, maxAckPending: 1,
    retry: { maxAttempts: 1, backoff: [5 * MINUTE_MS], initialDelayMs: 11 * MINUTE_MS, maxDelayMs: 12 * MINUTE_MS, jitter: 1 },
    deadLetter: { enabled: false, maxAgeMs: 20 },
    deduplication: { enabled: true, windowMs: 20, storage: 'persistent' },
    ordering: { enabled: true, guarantee: 'per_queue', bufferSize: 0, timeoutMs: 20 },
  })
  t.deepEqual((await client.call('queue.show', { name: 'own' })).settings, { ...settings, maxMessages: 77 })
  // Not only told: the store has them.
  await publish(client, 'jobs', { mid: 'a' })
  await publish(client, 'jobs', { mid: 'b' })
  t.like(await counts(client, 'jobs'), { stored: 2, dropped: 1, deadLetters: 0 })
})

test('config: queue.enabled false refuses channels of mode queue', async t => {
  const client = await (await startBroker(t, { config: { queue: { enabled: false } } })).connect()
  t.is(await errorCode(client.channels.create({ name: 'jobs', mode: 'queue' })), 'queue.disabled')
})

/** Publishes `secret message` to two queues in a new broker of this home, and ends it. */
async function withRestart(t: Parameters<typeof startBroker>[0], home: string, config: object, look: (client: Client, broker: LocalBroker) => Promise<void>): Promise<void> {
  for (let start = 0; start < 2; start++) {
    const broker = await startBroker(t, { home, config })
    await look(await broker.connect(), broker)
    await broker.broker.stop()
  }
}

const stored = (directory: string): string => readdirSync(directory).map(file => readFileSync(join(directory, file), 'latin1')).join('')

test('config: a restart shows where queues are kept, what is remembered of ids, and whether what is on the disk can be read', async t => {
  const home = temporaryDirectory(t)
  const keys = ['file', 'printed'].map(name => join(home, `${name}.key`))
  for (const key of keys) writeFileSync(key, randomBytes(32).toString('base64'), { mode: 0o600 })
  const channels = [{ name: 'brief', mode: 'queue', deduplication: { enabled: true, storage: 'memory' } }, { name: 'long', mode: 'queue', deduplication: { enabled: true } }]
  const embedded = { path: './elsewhere', encryption: { keys: [{ command: ['cat', keys[1]] }, { file: keys[0] }] } }
  const duplicates: (boolean | undefined)[][] = []
  await withRestart(t, home, { channels, store: { embedded } }, async client => {
    t.is((await client.call('queue.list')).store.backend, 'embedded')
    duplicates.push(await Promise.all(['brief', 'long'].map(async queue => (await publish(client, queue, { mid: 'm' }, 'secret message')).stored?.isDuplicate)))
  })
  t.deepEqual(duplicates, [[false, false], [false, true]])
  t.true(existsSync(join(home, 'elsewhere/queues.db')))
  t.false(existsSync(join(home, 'store')))
  t.false(stored(join(home, 'elsewhere')).includes('secret message'))

  // Without encryption the same is there to be read, and the memory of the backend `memory` ends with the broker.
  const plain = temporaryDirectory(t)
  await withRestart(t, plain, { channels: channels.slice(1) }, async client => void (await publish(client, 'long', {}, 'secret message')))
  t.true(stored(join(plain, 'store')).includes('secret message'))
  const kept: number[] = []
  await withRestart(t, temporaryDirectory(t), { channels: channels.slice(1), queue: { backend: 'memory' } }, async client => {
    await publish(client, 'long')
    kept.push((await counts(client, 'long')).stored)
  })
  t.deepEqual(kept, [1, 1])
})

/** What is told to Redis, JetStream and Kafka is seen where one runs; the check after a start in the tests of the embedded store. */
const elsewhere = /^store\.(?:redis|nats|kafka)\.|\.checkAtStart$/
/** Parts whose keys are held above, and one of which only one value works. */
const parts = /^channels\[\]\.(?:queue|deduplication|ordering)(?:\.retryPolicy|\.deadLetter)?$|\.strategy$/

test('config: no key of queues is without such a story', t => {
  const shown = [
    ...cases.flatMap(({ key }) => [key.replace(/^queue\./, 'queue.config.'), `channels[].${key}`]),
    'queue.enabled', 'queue.backend', 'deduplication.storage', 'channels[].deduplication.storage',
    ...['path', 'encryption', 'encryption.keys', 'encryption.keys[].file', 'encryption.keys[].command'].map(key => `store.embedded.${key}`),
  ]
  t.deepEqual(Object.keys(queueLandings).filter(key => !elsewhere.test(key) && !parts.test(key)).toSorted(), shown.toSorted())
})
