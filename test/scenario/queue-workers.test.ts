// Workers that share a queue: what they say of messages, what becomes of those that they leave, and of those that are not due.

import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { deferred } from '../../client/deferred.ts'
import type { QueuedMessage } from '../../client/index.ts'
import { BreakablePath } from '../support/breakable-path.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { countsOf, countsWhen, isEmpty, queueChannel } from '../support/queue-stories.ts'
import { nextEvent } from '../support/scripted-client.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'
import { withMoreTime } from '../support/with-more-time.ts'

/** A queue for each story, so that one broker is enough for all of them. */
const channels = [
  ...['kept', 'dying', 'poisoned', 'said', 'timed', 'asked', 'left', 'broken'].map(name => queueChannel(name)),
  // Each with four times the ack wait of the one before.
  ...[300, 1200, 4800, 19_200].map(ackWaitMs => queueChannel(`slow-${ackWaitMs}`, { ackWait: `${ackWaitMs}ms` })),
  queueChannel('lost', { ackWait: '100ms', retryPolicy: { maxAttempts: 0 } }),
  queueChannel('ordered', {}, { ordering: { enabled: true, guarantee: 'per_session' } }),
  queueChannel('once', {}, { deduplication: { enabled: true } }),
]

const releases: (() => unknown)[] = []
const all: Teardown = { teardown: release => void releases.unshift(release) }
let broker: LocalBroker

test.before(async () => {
  broker = await startBroker(all, { config: { channels } })
})

test.after.always(async () => {
  for (const release of releases) await release()
})

test('queue: what is published is kept until somebody has done it; the receipt says where it stands', async t => {
  const client = await broker.connect()
  const receipts = await Promise.all([1, 2, 3].map(n => client.publish('kept', n, { receipt: true })))
  t.deepEqual(receipts.map(({ receivers, stored }) => [receivers, stored?.queue, stored?.isDuplicate]), [1, 2, 3].map(() => [1, 'kept', false]))
  const seen: [number, number, number][] = []
  const consumer = client.consume<number>('kept', { onMessage: ({ value, position, attempt }) => void seen.push([value, position, attempt]) })
  await countsWhen(client, 'kept', isEmpty)
  t.deepEqual(seen, receipts.map(({ stored }, index) => [index + 1, stored!.position, 1]))
  await consumer.drain()
  t.like(await countsOf(client, 'kept'), { stored: 3, acked: 3 })
})

test('queue: a worker that dies leaves its message to another one, as another attempt', async t => {
  const [client, victim, other] = await Promise.all([broker.connect(), broker.connect(), broker.connect()])
  const taken = deferred<QueuedMessage<number>>()
  victim.consume<number>('dying', { onMessage: message => {
    taken.resolve(message)
    return new Promise<void>(() => {})
  } })
  await client.publish('dying', 1, { receipt: true })
  t.is((await taken.promise).attempt, 1)
  const again = deferred<QueuedMessage<number>>()
  other.consume<number>('dying', { onMessage: message => again.resolve(message) })
  victim.destroy()
  t.like(await again.promise, { value: 1, attempt: 2 })
  await countsWhen(client, 'dying', isEmpty)
})

test('queue: a message that always fails becomes a dead letter with its errors, and can be replayed', async t => {
  const client = await broker.connect()
  const attempts: number[] = []
  let isPoison = true
  const consumer = client.consume<number>('poisoned', { onMessage: ({ attempt }) => {
    attempts.push(attempt)
    if (isPoison) throw new Error(`failure ${attempt}`)
  } })
  await client.publish('poisoned', 'poison', { receipt: true })
  await countsWhen(client, 'poisoned', ({ deadLetters }) => deadLetters === 1)
  t.deepEqual(attempts, [1, 2, 3])
  const { messages } = await client.call('queue.inspect', { name: 'poisoned', which: 'dead' })
  t.is(messages[0]?.death?.reason, 'max-attempts')
  t.deepEqual(messages[0]?.death?.history.map(({ error }) => error), ['failure 1', 'failure 2', 'failure 3'])
  isPoison = false
  await client.call('queue.replay', { name: 'poisoned', all: true })
  await countsWhen(client, 'poisoned', ({ acked }) => acked === 1)
  t.deepEqual(attempts, [1, 2, 3, 1])
  await consumer.stop()
})

test('queue: term is a dead letter at once, nak waits as long as it says, release counts no attempt', async t => {
  const client = await broker.connect()
  for (const value of ['term', 'nak', 'release']) await client.publish('said', value, { receipt: true })
  const [term, nak, release] = await client.fetch<string>('said', { limit: 3 })
  t.deepEqual([term?.value, nak?.value, release?.value], ['term', 'nak', 'release'])
  await Promise.all([term!.term('no use'), nak!.nak({ delayMs: 60_000 }), release!.release()])
  t.like(await countsOf(client, 'said'), { deadLetters: 1, delayed: 1, ready: 1, inFlight: 0 })
  const [again] = await client.fetch<string>('said')
  t.like(again, { value: 'release', attempt: 1 })
  await again!.ack()
  t.deepEqual(await client.fetch('said', { timeoutMs: 1 }), [])
})

test('queue: a handler that takes longer than the ack wait keeps its message while it lives', async t => {
  const client = await broker.connect()
  const wasInTime = await withMoreTime(300, async ackWaitMs => {
    const queue = `slow-${ackWaitMs}`
    let attempts = 0
    const consumer = client.consume(queue, { onMessage: () => {
      attempts++
      return setTimeout(1.4 * ackWaitMs)
    } })
    await client.publish(queue, 1, { receipt: true })
    const { acked, retried, deadLetters } = await countsWhen(client, queue, isEmpty)
    await consumer.stop()
    return attempts === 1 && acked === 1 && retried + deadLetters === 0
  })
  t.true(wasInTime, 'the lease was always over before the handler')
})

test('queue: without autoExtend the ack wait decides, and who was too slow is told', async t => {
  const client = await broker.connect()
  const told = nextEvent(client, 'error')
  const attempts: number[] = []
  const finish = deferred<void>()
  client.consume('lost', { autoExtend: false, concurrency: 2, onMessage: ({ attempt }) => {
    attempts.push(attempt)
    return attempt === 1 ? finish.promise : undefined
  } })
  await client.publish('lost', 1, { receipt: true })
  await countsWhen(client, 'lost', isEmpty)
  t.deepEqual(attempts.slice(0, 2), [1, 2])
  finish.resolve()
  t.is((await told).code, 'queue.lease_lost')
})

test('queue: messages of a session come one after another, those of others meanwhile, also over a failure', async t => {
  const client = await broker.connect()
  const order: Record<string, number[]> = { a: [], b: [] }
  const running = new Set<string>()
  for (let n = 1; n <= 10; n++) for (const session of ['a', 'b']) await client.publish('ordered', n, { session, receipt: true })
  client.consume<number>('ordered', { concurrency: 8, onMessage: async ({ value, headers, attempt }) => {
    const session = String(headers?.['session'])
    if (running.has(session)) t.fail(`two of ${session} at a time`)
    running.add(session)
    await new Promise(setImmediate)
    running.delete(session)
    if (value === 3 && attempt === 1) throw new Error('once')
    order[session]!.push(value)
  } })
  await countsWhen(client, 'ordered', isEmpty)
  const all = Array.from({ length: 10 }, (_, n) => n + 1)
  t.deepEqual(order, { a: all, b: all })
})

test('queue: the same id within the window is stored once, and both publishers learn where', async t => {
  const client = await broker.connect()
  const [first, second] = await Promise.all([client.publish('once', 1, { mid: 'm', receipt: true }), client.publish('once', 2, { mid: 'm', receipt: true })])
  t.deepEqual([first.stored!.isDuplicate, second.stored!.isDuplicate], [false, true])
  t.is(second.stored!.position, first.stored!.position)
  t.deepEqual((await client.fetch('once')).map(({ value }) => value), [1])
  t.like(await countsOf(client, 'once'), { stored: 1, duplicates: 1, ready: 0, inFlight: 1 })
})

test('queue: a consumer that is refused is told so once, not again for what it had asked for', async t => {
  const client = await broker.connect()
  const told: string[] = []
  client.on('error', ({ code }) => void told.push(code))
  t.is(await errorCode(client.consume('nowhere', { onMessage: () => {} }).ready), 'channel.not_found')
  await client.call('ping', {})
  t.deepEqual(told, ['channel.not_found'])
})

test('queue: a message that is not due yet waits', async t => {
  const client = await broker.connect()
  await client.publish('timed', 'later', { delayMs: 60_000, receipt: true })
  const dueAt = Date.now() + 100
  await client.publish('timed', 'soon', { deliverAt: dueAt, receipt: true })
  await client.publish('timed', 'now', { receipt: true })
  const seen = new Map<string, number>()
  client.consume<string>('timed', { onMessage: ({ value }) => void seen.set(value, Date.now()) })
  await until(() => seen.size === 2)
  t.true(seen.has('now'))
  t.true(seen.get('soon')! >= dueAt)
  t.is((await countsOf(client, 'timed')).delayed, 1)
  t.is(await errorCode(client.publish('timed', 1, { delayMs: -1, receipt: true })), 'queue.bad_option')
  t.is(await errorCode(client.publish('elsewhere', 1, { delayMs: 5, receipt: true })), 'queue.bad_option')
})

test('queue: a request is kept until a worker is there, and answered while somebody waits', async t => {
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect()])
  const answer = asker.request('asked', 'question', { timeoutMs: 20_000 })
  await countsWhen(asker, 'asked', ({ ready }) => ready === 1)
  worker.consume('asked', { onMessage: message => message.respond(`answer to ${message.attempt}`) })
  t.is((await answer).value, 'answer to 1')
  await countsWhen(asker, 'asked', isEmpty)
})

test('queue: who closes gives back what was not begun, without an attempt', async t => {
  const [client, leaving] = await Promise.all([broker.connect(), broker.connect()])
  const finish = deferred<void>()
  const consumer = leaving.consume('left', { onMessage: () => finish.promise })
  for (let n = 0; n < 3; n++) await client.publish('left', n, { receipt: true })
  await until(() => consumer.unread > 0)
  const closed = leaving.close()
  await countsWhen(client, 'left', ({ inFlight }) => inFlight === 1)
  finish.resolve()
  await closed
  const rest = await client.fetch<number>('left', { limit: 2 })
  t.deepEqual(rest.map(({ value, attempt }) => [value, attempt]), [[1, 1], [2, 1]])
  t.is((await countsOf(client, 'left')).acked, 1)
})

test('queue: a connection that breaks and comes back keeps its leases', async t => {
  const { path, url } = await BreakablePath.toGateway(t, broker.gateway)
  const [client, worker] = await Promise.all([broker.connect(), broker.connect({ url, token: broker.token, sessionTtlMs: 60_000, retry: { maxRetries: Infinity, retryDelayMs: 2 } })])
  const begun = deferred<QueuedMessage>()
  const finish = deferred<void>()
  worker.consume('broken', { onMessage: message => {
    begun.resolve(message)
    return finish.promise
  } })
  await client.publish('broken', 1, { receipt: true })
  const message = await begun.promise
  const resumed = nextEvent(worker, 'resumed')
  path.cut()
  await resumed
  t.true(message.isHeld)
  finish.resolve()
  await countsWhen(client, 'broken', isEmpty)
  t.like(await countsOf(client, 'broken'), { acked: 1, retried: 0 })
})

test('queue: what cannot be consumed is refused by name', async t => {
  const client = await broker.connect()
  t.is(await errorCode(client.consume('events').ready), 'queue.not_a_queue')
  t.is(await errorCode(client.fetch('nowhere')), 'channel.not_found')
})
