import test from 'ava'
import { connectionInfo } from '../../broker/connection-info.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/ground/kind.ts'
import type { Settlement } from '../../broker/ground/store.ts'
import { defaultQueue } from '../../broker/ground/store-settings.ts'
import { Reauthorisation } from '../../broker/reauthorisation.ts'
import { consume, NUMBER, QUEUE, setUp } from '../support/consuming-rig.ts'
import { codeOf, type NativeClient, type ReceivedFrame } from '../support/memory-client.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

const brief = ({ kind, to, ref, subject, payload, headers }: ReceivedFrame): unknown[] => [kind, to, ref, subject, [...payload], headers]

test('consuming: what is on lease comes as it was published, with the number of the consumer and its position', async t => {
  const { rig, queue, publisher, put, lease } = await setUp()
  const consumer = rig.native({ client: 'consumer' })
  consume(consumer)
  t.is(queue.demanded, 100)
  await put(3)
  lease([1, 2])
  lease([3], 2)
  const frames = consumer.messages()
  t.deepEqual(frames.map(brief), [
    [Kind.leased, NUMBER, 1, 'orders.new', [1], undefined],
    [Kind.leased, NUMBER, 2, 'orders.new', [2], undefined],
    [Kind.leased, NUMBER, 3, 'orders.new', [3], { $attempt: 2 }],
  ])
  t.deepEqual(frames.map(({ origin }) => origin), Array<number>(3).fill(publisher.connection.number))
})

test('consuming: the answer to the subscription tells the ack wait', async t => {
  const { rig } = await setUp()
  const consumer = rig.native()
  consumer.control(Kind.subscribe, NUMBER, { pattern: QUEUE, consume: true })
  t.deepEqual(consumer.frames().map(({ body }) => body), [{ subscription: NUMBER, ackWaitMs: 30_000 }])
})

test('consuming: a settlement is answered when the store has it, with what was not on lease any more', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  await put(6)
  lease([1, 2, 3, 4, 5, 6])
  consumer.frames()
  const id = consumer.control(Kind.settle, NUMBER, { working: [1, 1], ack: [1, 1, 2, 1, 9, 1], nak: [[3, 1, null], [4, 1, 500, 'later']], term: [[5, 1, 'broken']], release: [6, 1] })
  rig.turn()
  t.is(consumer.link.read().length, 0, 'nothing is said before the store has spoken')
  await rig.settle()
  const expected: Settlement[] = [
    { position: 1, attempt: 1, verdict: 'working' },
    { position: 1, attempt: 1, verdict: 'ack' },
    { position: 2, attempt: 1, verdict: 'ack' },
    { position: 6, attempt: 1, verdict: 'release' },
    { position: 3, attempt: 1, verdict: 'nak' },
    { position: 4, attempt: 1, verdict: 'nak', delayMs: 500, reason: 'later' },
    { position: 5, attempt: 1, verdict: 'term', reason: 'broken' },
  ]
  t.deepEqual(queue.settled, expected)
  const [ok] = consumer.frames()
  t.deepEqual([ok?.kind, ok?.ref, ok?.body], [Kind.ok, id, { lost: [9] }])
  const again = consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  t.deepEqual(consumer.frames().map(({ ref, body }) => [ref, body]), [[again, { lost: [1] }]])
})

test('consuming: what the store cannot do is told to whoever settles, and may be settled again', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  await put(1)
  lease([1])
  consumer.frames()
  queue.settlementRefusal = new BrokerError('store.failed', { backend: 'memory', problem: 'a test' })
  const id = consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  await rig.settle()
  const [refused] = consumer.frames()
  t.deepEqual([refused?.kind, refused?.ref, codeOf(refused!)], [Kind.error, id, 'store.failed'])
  queue.settlementRefusal = undefined
  consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  await rig.settle()
  t.deepEqual(consumer.frames().map(({ kind, body }) => [kind, body]), [[Kind.ok, undefined]])
})

test('consuming: a queue alone is consumed, by its name, natively, by who may subscribe to it', async t => {
  const { rig } = await setUp()
  rig.openChannel({ name: 'news' })
  rig.addPrincipal({ name: 'stranger', subscribe: { allow: ['news'], deny: [] } }, 'stranger-token')
  const ask = (client: NativeClient, body: object, number = 1): string => {
    client.control(Kind.subscribe, number, { consume: true, ...body })
    const [answer] = client.frames()
    return answer?.kind === Kind.ok ? 'ok' : codeOf(answer!)
  }
  const client = rig.native()
  t.is(ask(client, { pattern: 'news' }), 'queue.not_a_queue')
  t.is(ask(client, { pattern: 'nothing' }), 'channel.not_found')
  t.is(ask(client, { pattern: 'orders.new' }), 'channel.not_found')
  t.is(ask(client, { pattern: 'orders.>' }), 'channel.not_found')
  t.is(ask(client, { pattern: QUEUE, group: 'g' }), 'queue.consumer')
  t.is(ask(client, { pattern: QUEUE, filter: 'a = 1' }), 'queue.consumer')
  t.is(ask(client, { pattern: QUEUE, consume: 'yes' }), 'frame.malformed')
  t.is(ask(client, { pattern: QUEUE }), 'ok')
  t.is(ask(client, { pattern: QUEUE }), 'subscription.exists')
  t.is(ask(client, { pattern: 'news', consume: false }), 'subscription.exists')
  t.is(ask(client, { pattern: QUEUE }, 2), 'ok', 'a connection may be several consumers')
  t.is(ask(rig.native({ principal: 'stranger', auth: { token: 'stranger-token' } }), { pattern: QUEUE }), 'permission.denied')
  const json = rig.json()
  json.send({ type: 'subscribe', id: 1, subject: QUEUE, consume: true })
  t.regex(JSON.stringify(json.lines()), /queue\.consumer.*dialect json/)
  t.regex(JSON.stringify(rig.gateway().call(1, 'subscribe', { subject: QUEUE, consume: true })), /queue\.consumer.*dialect gateway/)
})

test('consuming: consumers count as subscriptions', async t => {
  const rig = new QueuePipeline({ ipc: { limits: { maxSubscriptions: 2 } } })
  await rig.openQueue(QUEUE)
  const client = rig.native()
  consume(client, 0, 1)
  client.subscribe(2, 'a')
  client.subscribe(3, 'b')
  t.deepEqual(client.frames().map(frame => (frame.kind === Kind.ok ? 'ok' : codeOf(frame))), ['ok', 'subscription.limit'])
})

test('consuming: bodies that mean nothing are refused, and nothing of them is done', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  await put(1)
  lease([1])
  consumer.frames()
  const bodies = [
    { ack: [1] }, { ack: [1, 0] }, { ack: [0, 1] }, { ack: ['1', 1] }, { ack: 1 }, { nak: [1, 1] }, { nak: [[1, 1, -1]] }, { nak: [[1, 1, 1.5]] }, { nak: [[1, 1, null, 'x'.repeat(1025)]] },
    { nak: [[1, 1, 0, 'x', 'y']] }, { term: [[1, 1, 5]] }, { term: [[1]] }, { working: [1, 1, 2] }, { forward: [[1, 1]] }, { forward: [[1, 1, []]] }, { forward: [[1, 1, ['x']]] },
    { ack: Array<number>(20_002).fill(1) }, undefined, 7, [1, 1],
  ]
  for (const body of bodies) {
    consumer.control(Kind.settle, NUMBER, body)
    t.is(codeOf(consumer.frames()[0]!), 'frame.malformed', JSON.stringify(body)?.slice(0, 80))
  }
  for (const body of [{}, { messages: 0 }, { messages: -1 }, { messages: 1.5 }, { messages: 1_000_001 }, { messages: '1' }]) {
    consumer.control(Kind.pull, NUMBER, body)
    t.is(codeOf(consumer.frames()[0]!), 'frame.malformed', JSON.stringify(body))
  }
  consumer.control(Kind.pull, 77, { messages: 1 })
  t.is(codeOf(consumer.frames()[0]!), 'subscription.unknown')
  t.deepEqual(queue.settled, [])
  t.is(queue.demanded, 100)
})

test('consuming: after the answer to unsubscribe nothing more comes, and what is on lease is settled all the same', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  await put(2)
  lease([1])
  consumer.frames()
  consumer.control(Kind.unsubscribe, NUMBER)
  t.deepEqual(consumer.frames().map(({ kind }) => kind), [Kind.ok])
  t.is(queue.demanded, 1, 'the rest of its 100 was taken back')
  lease([2])
  t.deepEqual(consumer.frames(), [])
  t.deepEqual(queue.settled, [{ position: 2, attempt: 1, verdict: 'release' }])
  consumer.control(Kind.unsubscribe, NUMBER)
  t.is(codeOf(consumer.frames()[0]!), 'subscription.unknown')
  consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  await rig.settle()
  t.deepEqual(consumer.frames().map(({ kind, body }) => [kind, body]), [[Kind.ok, undefined]])
  consumer.control(Kind.subscribe, NUMBER, { pattern: QUEUE, consume: true })
  t.deepEqual(consumer.frames().map(({ kind }) => kind), [Kind.ok], 'its number is free again')
})

test('consuming: when its connection is gone, what it got is not done and what it did not get was no attempt', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer, 4)
  await put(4)
  lease([1])
  consumer.frames()
  consumer.link.kernelBytes = 0
  lease([2])
  rig.turn()
  lease([3, 4])
  const account = rig.core.accounts.channel(QUEUE)!
  t.is(account.imbalance, 0)
  consumer.link.destroy()
  rig.turn()
  const lost = 'its consumer was lost'
  t.deepEqual(queue.settled, [
    { position: 1, attempt: 1, verdict: 'nak', delayMs: 0, reason: lost },
    { position: 2, attempt: 1, verdict: 'nak', delayMs: 0, reason: lost },
    { position: 3, attempt: 1, verdict: 'release' },
    { position: 4, attempt: 1, verdict: 'release' },
  ])
  t.like(account, { imbalance: 0, pending: 0, deliveries: 8, stored: 4, written: 1 })
  t.is(rig.core.queues.find(QUEUE)!.consumers.inFlight, 0)
})

test('consuming: one above high-water is given nothing until it has read', async t => {
  const { rig, queue, put, lease } = await setUp()
  const consumer = rig.native({ flow: { maxPendingBytes: 65_536 } })
  consume(consumer)
  consumer.link.kernelBytes = 1000
  await put(3)
  rig.native().send({ kind: Kind.publish, subject: `$CB.to.client.${consumer.connection.client}`, payload: new Uint8Array(60_000) })
  rig.turn()
  lease([1])
  t.deepEqual(queue.settled, [{ position: 1, attempt: 1, verdict: 'release' }])
  t.is(queue.demanded, 1, 'the rest of its 100 was taken back')
  t.deepEqual(consumer.frames().map(({ kind }) => kind), [Kind.publish])
  t.is(queue.demanded, 101, 'and is wanted again')
  lease([1])
  t.deepEqual(consumer.messages().map(({ ref }) => ref), [1])
})

test('consuming: what an outbound drops by its policy comes again at once, is no attempt, and no loss', async t => {
  const rig = new QueuePipeline()
  rig.openChannel({ name: QUEUE, mode: 'queue' }, { overflow: 'drop-oldest', maxPendingBytes: 0, maxPendingMessages: 4 })
  await rig.core.queues.open(QUEUE, defaultQueue, rig.core.accounts.channel(QUEUE)!)
  rig.core.routes.invalidate([QUEUE])
  const queue = rig.store.queues.get(QUEUE)!
  const publisher = rig.native()
  for (let i = 0; i < 4; i++) publisher.publish(QUEUE)
  await rig.settle()
  const consumer = rig.native()
  consume(consumer, 4)
  consumer.link.kernelBytes = 0
  const frame = queue.kept[0]!.bytes.subarray(0, queue.kept[0]!.bytes.length / queue.kept[0]!.count)
  for (const position of [1, 2, 3]) queue.listener.leased([{ position, attempt: 1, frame }])
  consumer.connection.outbound.shed()
  t.deepEqual(queue.settled.map(({ verdict }) => verdict), ['release'])
  t.is(consumer.connection.losses, undefined)
  t.is(rig.core.accounts.channel(QUEUE)!.imbalance, 0)
})

test('consuming: whose queue is deleted is told, and its consumer is gone', async t => {
  const { rig } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  rig.core.queues.forget(rig.core.queues.find(QUEUE)!, new BrokerError('channel.not_found', { channel: QUEUE }))
  const [error] = consumer.frames()
  t.deepEqual([error?.kind, error?.to, error?.ref, codeOf(error!)], [Kind.error, NUMBER, NUMBER, 'channel.not_found'])
  consumer.control(Kind.pull, NUMBER, { messages: 1 })
  t.is(codeOf(consumer.frames()[0]!), 'subscription.unknown')
})

test('consuming: what a connection consumes is told of it', async t => {
  const { rig, put, lease } = await setUp()
  const consumer = rig.native()
  t.is(connectionInfo(consumer.connection, 0).consumes, undefined)
  consume(consumer, 10)
  await put(2)
  lease([1, 2])
  consumer.frames()
  t.deepEqual(connectionInfo(consumer.connection, 0).consumes, [{ queue: QUEUE, subscription: NUMBER, credit: 8, inFlight: 2, isOpen: true }])
})

test('consuming: what happens to a message on lease is remembered', async t => {
  const { rig, publisher, put, lease } = await setUp()
  const consumer = rig.native()
  consume(consumer)
  await put(1)
  const { number } = rig.core.queues.find(QUEUE)!
  lease([1])
  consumer.frames()
  consumer.control(Kind.settle, NUMBER, { nak: [[1, 1, 0, 'not now']] })
  await rig.settle()
  lease([1], 2)
  consumer.frames()
  consumer.control(Kind.settle, NUMBER, { ack: [1, 2] })
  await rig.settle()
  const [kept] = rig.core.queueHistory.whereIs(publisher.connection.number, publisher.nextId - 1)
  t.like(kept, { queue: number, position: 1 })
  const told = rig.core.queueHistory.of(number, 1).map(({ event, attempt, connection, reason }) => [event, attempt, connection, reason])
  const by = consumer.connection.number
  t.deepEqual(told.filter(([event]) => event !== 'stored'), [['leased', 1, by, undefined], ['nacked', 1, by, 'not now'], ['leased', 2, by, undefined], ['acked', 2, by, undefined]])
})

test('consuming: who may not consume it any more is told, and settles what it has', async t => {
  const { rig, put, lease } = await setUp()
  const all = { allow: ['>'], deny: [] }
  rig.addPrincipal({ name: 'worker', subscribe: all }, 'worker-token')
  const consumer = rig.native({ principal: 'worker', auth: { token: 'worker-token' } })
  consume(consumer, 10)
  await put(1)
  lease([1])
  consumer.frames()
  const narrower = rig.core.addPrincipal({ name: 'worker', roles: ['client'], publish: all, subscribe: { allow: ['news'], deny: [] } }, { token: 'worker-token' })
  new Reauthorisation(rig.core, rig.pipeline).changed('worker', narrower)
  const [error] = consumer.frames()
  t.deepEqual([error?.kind, error?.ref, codeOf(error!)], [Kind.error, NUMBER, 'permission.denied'])
  t.is(rig.core.queues.find(QUEUE)!.consumers.count, 0)
  consumer.control(Kind.settle, NUMBER, { ack: [1, 1] })
  await rig.settle()
  t.deepEqual(consumer.frames().map(({ kind, body }) => [kind, body]), [[Kind.ok, undefined]])
})
