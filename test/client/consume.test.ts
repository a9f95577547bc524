import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { deferred } from '../../client/deferred.ts'
import { BrokerError, type ConsumeOptions, type Consumer, type QueuedMessage } from '../../client/index.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient, type ScriptedPair } from '../support/scripted-client.ts'
import { receiptBody, ScriptedQueue } from '../support/scripted-queue.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

interface Consumed extends ScriptedPair {
  readonly consumer: Consumer<number>
  readonly queue: ScriptedQueue
}

async function consumed(t: Teardown, options: ConsumeOptions<number>, ackWaitMs?: number): Promise<Consumed> {
  const pair = await scriptedClient(t)
  const consumer = pair.client.consume('jobs', options)
  const queue = await ScriptedQueue.announced(pair.peer, ackWaitMs)
  await consumer.ready
  return { ...pair, consumer, queue }
}

test('consume: a handler that returns acks; all of a turn in one frame, and more is asked for behind it', async t => {
  const seen: [number, number, number][] = []
  const { queue } = await consumed(t, { onMessage: ({ value, position, attempt }) => void seen.push([value, position, attempt]) })
  t.is(await queue.pulled(), 1)
  queue.lease(11, 1)
  t.deepEqual(await queue.settled(), { ack: [11, 1] })
  t.is(await queue.pulled(), 2)
  queue.lease(12, 2, { headers: { $attempt: 3 } })
  queue.lease(13, 3)
  t.deepEqual(await queue.settled(), { ack: [12, 3, 13, 1] })
  t.is(await queue.pulled(), 4)
  t.deepEqual(seen, [[1, 11, 1], [2, 12, 3], [3, 13, 1]])
})

test('consume: a quarter of the window is asked for as soon as it is free, and less of it is not', async t => {
  const { queue } = await consumed(t, { maxInFlight: 8, onMessage: () => {} })
  let position = 0
  const lease = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) queue.lease(++position, position)
    await queue.settled()
  }
  // As it is handled at once, the window grows to what it may be.
  for (const count of [1, 2, 4]) {
    t.is(await queue.pulled(), count)
    await lease(count)
  }
  t.is(await queue.pulled(), 8)
  await lease(1)
  await lease(1)
  t.is(await queue.pulled(), 2)
  await lease(6)
  t.is(await queue.pulled(), 6)
})

test('consume: a handler that throws says no, with its reason, and the client hears of it', async t => {
  const { client, queue } = await consumed(t, { onMessage: ({ value }) => (value === 1 ? Promise.reject(new Error('no disk')) : Promise.reject(new RangeError('x'.repeat(2000)))) })
  await queue.pulled()
  const told = nextEvent(client, 'error')
  queue.lease(1, 1)
  t.deepEqual(await queue.settled(), { nak: [[1, 1, null, 'no disk']] })
  t.is((await told).message, 'internal.error: internal error: no disk')
  await queue.pulled()
  queue.lease(2, 2)
  t.deepEqual(await queue.settled(), { nak: [[2, 1, null, 'x'.repeat(1024)]] })
})

test('consume: what the handler settled itself stays as it said', async t => {
  const { client, queue } = await consumed(t, {
    onMessage: async message => {
      if (message.value === 1) await message.term('never')
      else if (message.value === 2) await message.nak({ delayMs: 500, reason: 'later' })
      else {
        await message.ack()
        throw new Error('after the fact')
      }
    },
  })
  const told = nextEvent(client, 'error')
  const bodies: unknown[] = []
  for (const value of [1, 2, 3]) {
    await queue.pulled()
    queue.lease(value, value)
    bodies.push(await queue.settled())
  }
  await queue.pulled()
  t.deepEqual(bodies, [{ term: [[1, 1, 'never']] }, { nak: [[2, 1, 500, 'later']] }, { ack: [3, 1] }])
  t.is((await told).message, 'internal.error: internal error: after the fact')
})

test('consume: with manual a handler that returns says nothing; the application settles when it likes', async t => {
  const taken: QueuedMessage<number>[] = []
  const { queue } = await consumed(t, { manual: true, onMessage: message => void taken.push(message) })
  await queue.pulled()
  queue.lease(1, 1)
  t.is(await queue.pulled(), 2)
  queue.lease(2, 2)
  queue.lease(3, 3)
  t.is(await queue.pulled(), 4)
  t.deepEqual(taken.map(({ isHeld }) => isHeld), [true, true, true])
  const settling = [taken[1]!.ack(), taken[0]!.working(), taken[2]!.nak()]
  t.deepEqual(await queue.settled(), { ack: [2, 1], working: [1, 1], nak: [[3, 1, null]] })
  await Promise.all(settling)
  t.deepEqual(taken.map(({ isHeld }) => isHeld), [true, false, false])
})

test('consume: handlers run one after another, or as many at a time as they may', async t => {
  const waiting: (() => void)[] = []
  const options: ConsumeOptions<number> = { maxInFlight: 4, onMessage: () => new Promise<void>(resolve => waiting.push(resolve)) }
  const one = await consumed(t, options)
  t.is(await one.queue.pulled(), 1)
  one.queue.lease(1, 1)
  // While it runs, the next ones are fetched already.
  t.is(await one.queue.pulled(), 2)
  one.queue.lease(2, 2)
  one.queue.lease(3, 3)
  const client = await scriptedClient(t)
  const many = client.client.consume('jobs', { ...options, concurrency: 3 })
  const queue = await ScriptedQueue.announced(client.peer)
  t.is(await queue.pulled(), 3)
  queue.lease(1, 1)
  queue.lease(2, 2)
  queue.lease(3, 3)
  t.is(await queue.pulled(), 1, 'four in flight at most')
  t.is(waiting.length, 4)
  t.deepEqual([many.inFlight, many.unread], [3, 0])
  t.deepEqual([one.consumer.inFlight, one.consumer.unread], [3, 2])
  waiting[0]!()
  t.deepEqual(await one.queue.settled(), { ack: [1, 1] })
  t.is(waiting.length, 5)
})

test('consume: the iterator gives messages that its reader settles; leaving the loop gives back what was not read', async t => {
  const { peer, consumer, queue } = await consumed(t, { maxInFlight: 3 })
  t.is(await queue.pulled(), 1)
  const read: number[] = []
  const loop = (async () => {
    for await (const message of consumer) {
      read.push(message.value)
      void message.ack()
      if (message.value === 2) break
    }
  })()
  queue.lease(1, 1)
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  t.is(await queue.pulled(), 2)
  queue.lease(2, 2)
  queue.lease(3, 3)
  const end = await queue.ending()
  t.deepEqual(await queue.settled(), { ack: [2, 1], release: [3, 1] })
  // On its way while the consumer left.
  queue.lease(4, 4)
  peer.ok(end)
  t.deepEqual(await queue.settled(), { release: [4, 1] })
  await loop
  t.deepEqual(read, [1, 2])
  t.false(consumer.isActive)
})

test('consume: drain asks for no more, handles what came, and waits until that is confirmed', async t => {
  const handled: number[] = []
  const { peer, consumer, queue } = await consumed(t, { onMessage: ({ value }) => void handled.push(value) })
  await queue.pulled()
  let isDrained = false
  const drained = consumer.drain().then(() => (isDrained = true))
  const end = await queue.ending()
  queue.lease(1, 1)
  peer.ok(end)
  const { frame, body } = await queue.settling()
  t.deepEqual(body, { ack: [1, 1] })
  t.false(isDrained)
  peer.ok(frame)
  await drained
  t.deepEqual(handled, [1])
})

test('consume: a signal stops it', async t => {
  const controller = new AbortController()
  const { queue, consumer } = await consumed(t, { signal: controller.signal, onMessage: () => {} })
  await queue.pulled()
  controller.abort()
  await queue.ending()
  t.false(consumer.isActive)
})

test('consume: what the broker refuses is told by ready, the iterator and the client', async t => {
  const { client, peer } = await scriptedClient(t)
  const told = nextEvent(client, 'error')
  const consumer = client.consume('jobs')
  const reading = errorCode(consumer[Symbol.asyncIterator]().next())
  peer.refuse(await peer.nextOf(Kind.subscribe), 'queue.not_a_queue', { channel: 'jobs', mode: 'pubsub' })
  t.is(await errorCode(consumer.ready), 'queue.not_a_queue')
  t.is(await reading, 'queue.not_a_queue')
  t.is((await told).code, 'queue.not_a_queue')
  t.false(consumer.isActive)
  await consumer.drain()
})

test('consume: a queue that is deleted ends its consumers', async t => {
  const { client, peer, consumer, queue } = await consumed(t, { manual: true, onMessage: () => {} })
  await queue.pulled()
  const told = nextEvent(client, 'error')
  const error = new BrokerError('channel.not_found', { channel: 'jobs' })
  peer.send({ kind: Kind.error, to: queue.number, ref: queue.number, payload: receiptBody(error.toBody()) })
  t.is((await told).code, 'channel.not_found')
  t.false(consumer.isActive)
  await consumer.drain()
})

test('consume: what the broker refuses one of its methods is the answer to that, also where the asker has the number of a consumer', async t => {
  const { client, peer, consumer, queue } = await consumed(t, { manual: true, onMessage: () => {} })
  await queue.pulled()
  const refused = errorCode(client.call('queue.nope' as never))
  const { id, subject } = await peer.nextOf(Kind.request)
  peer.send({ kind: Kind.error, to: queue.number, ref: id, subject, payload: receiptBody(new BrokerError('method.unknown', { method: 'queue.nope' }).toBody()) })
  t.is(await refused, 'method.unknown')
  t.true(consumer.isActive)
})

test('consume: options that make no sense are refused at once', async t => {
  const { client } = await scriptedClient(t)
  for (const options of [{ maxInFlight: 0 }, { concurrency: 1.5 }, { maxInFlight: 1e7 }]) t.throws(() => client.consume('jobs', options), { code: 'queue.consumer' })
  t.throws(() => client.consume('no spaces'), { code: 'subject.invalid' })
  await client.close()
  t.throws(() => client.consume('jobs'), { code: 'client.closed' })
})

test('consume: close() waits for handlers that run and gives back what they have not begun', async t => {
  let finish = (): void => {}
  const { client, consumer, peer, queue } = await consumed(t, { onMessage: () => new Promise<void>(resolve => (finish = resolve)) })
  await queue.pulled()
  queue.lease(1, 1)
  await queue.pulled()
  queue.lease(2, 2)
  await until(() => consumer.unread === 1)
  const closed = client.close()
  const end = await queue.ending()
  t.deepEqual(await queue.settled(), { release: [2, 1] })
  peer.ok(end)
  finish()
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  await peer.nextOf(Kind.goodbye)
  peer.destroy()
  await closed
})

test('consume: a request in a queue is answered by whoever has it, before it is settled', async t => {
  const tooLate = deferred<string>()
  const { peer, queue } = await consumed(t, {
    onMessage: async message => {
      if (message.value === 1) await message.respond('done')
      else if (message.value === 2) await message.ack()
      if (message.value === 2) tooLate.resolve(await errorCode(message.respond('too late')))
    },
  })
  await queue.pulled()
  peer.lease(queue.number, 1, 1, { kind: Kind.leasedRequest, id: 7 })
  const answer = await peer.nextOf(Kind.response)
  t.deepEqual([answer.to, answer.ref, new TextDecoder().decode(answer.payload)], [99, 7, 'done'])
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  await queue.pulled()
  peer.lease(queue.number, 2, 2, { kind: Kind.leasedRequest, id: 8 })
  t.deepEqual(await queue.settled(), { ack: [2, 1] })
  t.is(await tooLate.promise, 'request.not_open')
})
