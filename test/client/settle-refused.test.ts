import { decode } from '@msgpack/msgpack'
import test from 'ava'
import type { Frame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { deferred } from '../../client/deferred.ts'
import { errorCode } from '../support/error-code.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { GRANT, heldMessages, type HeldMessages } from '../support/held-messages.ts'
import type { ScriptedConnection } from '../support/scripted-broker.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'
import { ScriptedQueue, type SettleBody } from '../support/scripted-queue.ts'
import { until } from '../support/until.ts'

/** The ack of the nth message is refused. The pull that followed it is read. */
async function refused({ peer, queue, messages }: HeldMessages, nth = 0): Promise<string> {
  const said = errorCode(messages[nth]!.ack())
  const { frame } = await queue.settling()
  await queue.pulled()
  peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
  return said
}

/** The next frame of that kind; a client whose session may go on says in between what it has received. */
async function pastAcks(peer: ScriptedConnection, kind: number): Promise<Frame> {
  for (;;) {
    const frame = await peer.next()
    if (frame.kind === kind) return frame
    if (frame.kind !== Kind.ack) throw new Error(`expected a frame of kind ${kind}, got ${frame.kind}`)
  }
}

test('refused settlement: a handler that works on has its message extended, and acks it again by returning', async t => {
  const { client, peer } = await scriptedClient(t)
  const told = deferred<string>()
  const end = deferred<void>()
  const consumer = client.consume('jobs', {
    maxInFlight: 1,
    onMessage: async message => {
      told.resolve(await errorCode(message.ack()))
      await end.promise
    },
  })
  const queue = await ScriptedQueue.announced(peer, 60)
  await queue.pulled()
  queue.lease(1, 1)
  const { frame } = await queue.settling()
  await queue.pulled()
  peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
  t.is(await told.promise, 'store.unavailable')
  t.is(consumer.inFlight, 1)
  for (let looks = 0; looks < 4; looks++) t.deepEqual(Object.keys(await queue.settled()), ['working'])
  end.resolve()
  let last = await queue.settled()
  while (last.ack === undefined) last = await queue.settled()
  t.deepEqual(last.ack, [1, 1])
})

test('refused settlement: the message is lost when its session ends', async t => {
  const all = await heldMessages(t, 1)
  const { broker, client, peer, messages } = all
  const [message] = messages
  const { signal } = message!
  t.is(await refused(all), 'store.unavailable')
  t.true(message!.isHeld)
  const reconnected = nextEvent(client, 'reconnected')
  peer.destroy()
  await broker.welcome()
  await reconnected
  t.false(message!.isHeld)
  t.true(signal.aborted)
  t.is(await errorCode(message!.ack()), 'queue.lease_lost')
})

test('refused settlement: an ack under way when its session ends loses the message, and a handler that throws for it says nothing in the next session', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const signals: AbortSignal[] = []
  client.consume('jobs', {
    maxInFlight: 1,
    onMessage: async message => {
      signals.push(message.signal)
      await message.ack()
    },
  })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 1)
  await queue.settling()
  peer.destroy()
  const next = await ScriptedQueue.announced(await broker.welcome())
  t.is(await next.pulled(), 1)
  next.lease(1, 1, { headers: { $attempt: 2 } })
  t.deepEqual(await next.settled(), { ack: [1, 2] })
  await next.pulled()
  t.deepEqual(errors, ['connection.lost'])
  t.deepEqual(signals.map(({ aborted }) => aborted), [true, false])
})

test('refused settlement: the message counts among those in flight, so that no more than maxInFlight are asked for', async t => {
  const all = await heldMessages(t, 2)
  const { consumer, queue, messages } = all
  await refused(all)
  t.is(consumer.inFlight, 2)
  // The one that was asked for while the ack was under way.
  queue.lease(3, 3)
  await until(() => messages.length === 3)
  for (const nth of [2, 1]) {
    const acked = messages[nth]!.ack()
    t.deepEqual(await queue.settled(), { ack: [nth + 1, 1] })
    await acked
  }
  t.is(await queue.pulled(), 1, 'not before there was room')
})

test('refused settlement: a consumer that was stopped is kept for it, and settles it after a break', async t => {
  const all = await heldMessages(t, 1, { connect: { sessionTtlMs: 60_000 }, welcome: GRANT })
  const { broker, client, peer, consumer, queue, messages } = all
  const stopped = consumer.stop()
  peer.ok(await pastAcks(peer, Kind.unsubscribe))
  await stopped
  const said = errorCode(messages[0]!.ack())
  const frame = await pastAcks(peer, Kind.settle)
  peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
  t.is(await said, 'store.unavailable')
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  // Those of which nothing is left are forgotten when another one begins.
  client.consume('jobs')
  const acked = messages[0]!.ack()
  const next = await broker.welcome({ ...GRANT, resumed: true, lost: 0, lastId: frame.id })
  const again = await pastAcks(next, Kind.settle)
  t.is(again.ref, queue.number)
  next.ok(again)
  await acked
  t.is(consumer.inFlight, 0)
})

test('refused settlement: what nobody settles again is lost when its ack wait is over, and counts no longer', async t => {
  const clock = new FakeClock()
  const all = await heldMessages(t, 1, { ackWaitMs: 3000, clock })
  const { consumer, messages } = all
  const { signal } = messages[0]!
  t.is(await refused(all), 'store.unavailable')
  await clock.advance(2500)
  t.false(signal.aborted)
  t.is(consumer.inFlight, 1)
  await clock.advance(2000)
  t.true(signal.aborted)
  t.is(consumer.inFlight, 0)
  t.is(await errorCode(messages[0]!.ack()), 'queue.lease_lost')
})

test('refused settlement: what a consumer that stops could not give back is not extended', async t => {
  const { client, peer } = await scriptedClient(t)
  const end = deferred<void>()
  const consumer = client.consume('jobs', { maxInFlight: 2, onMessage: () => end.promise })
  const queue = await ScriptedQueue.announced(peer, 60)
  await queue.pulled()
  queue.lease(1, 1)
  await queue.pulled()
  queue.lease(2, 2)
  await until(() => consumer.unread === 1)
  const working: number[] = []
  let isRefused = false
  // Everything is answered while the connection lasts: the first message is extended whenever its time has come.
  const answered = (async () => {
    for (;;) {
      const frame = await peer.next()
      const body = frame.kind === Kind.settle ? (decode(frame.payload) as SettleBody) : {}
      if (isRefused) working.push(...(body.working ?? []))
      if (body.release === undefined) peer.ok(frame)
      else {
        isRefused = true
        peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
      }
    }
  })()
  await consumer.stop()
  await until(() => working.includes(2) || consumer.inFlight === 1)
  t.true(isRefused)
  t.false(working.includes(2), working.join())
  end.resolve()
  client.destroy()
  await t.throwsAsync(answered, { message: 'the client closed the connection' })
})

test('refused settlement: a refused extension leaves the ack behind it alone', async t => {
  const { peer, consumer, queue, messages } = await heldMessages(t, 1)
  const extended = errorCode(messages[0]!.working())
  const { frame } = await queue.settling()
  const acked = messages[0]!.ack()
  const second = await queue.settling()
  peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
  t.is(await extended, 'store.unavailable')
  t.false(messages[0]!.isHeld)
  peer.ok(second.frame)
  await acked
  t.is(consumer.inFlight, 0)
})

test('refused settlement: what a stopped consumer settles as its client ends is told', async t => {
  const { client, peer, consumer, queue, messages } = await heldMessages(t, 1)
  const stopped = consumer.stop()
  peer.ok(await queue.ending())
  await stopped
  const said = errorCode(messages[0]!.ack())
  client.destroy()
  t.is(await said, 'queue.lease_lost')
})
