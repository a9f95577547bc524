import test, { type ExecutionContext } from 'ava'
import type { Frame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { errorCode } from '../support/error-code.ts'
import { GRANT, heldMessages } from '../support/held-messages.ts'
import type { ScriptedConnection } from '../support/scripted-broker.ts'
import { nextEvent, scriptedClient, type ScriptedPair } from '../support/scripted-client.ts'
import { ScriptedQueue } from '../support/scripted-queue.ts'

/** The next frame that is no ack: those come when they come. */
async function nextFrame(peer: ScriptedConnection): Promise<Frame> {
  for (;;) {
    const frame = await peer.next()
    if (frame.kind !== Kind.ack) return frame
  }
}

/** The connection to another process of the broker, which takes the session over. */
async function moved({ broker, client, peer }: ScriptedPair, lastId: number): Promise<ScriptedConnection> {
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  return broker.welcome({ ...GRANT, resumed: true, moved: true, lost: 0, lastId })
}

/** A client whose announcement of a consumer is not answered, and went to another process of the broker: that had read so much of what it said. */
async function announcedAnew(t: ExecutionContext, had: (subscribe: Frame, pull: Frame) => number): Promise<void> {
  const pair = await scriptedClient(t, { sessionTtlMs: 60_000 }, GRANT)
  const { client } = pair
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const consumer = client.consume('jobs', { maxInFlight: 1, manual: true })
  const [subscribe, pull] = [await nextFrame(pair.peer), await nextFrame(pair.peer)]
  t.deepEqual([subscribe.kind, pull.kind], [Kind.subscribe, Kind.pull])
  const next = await moved(pair, had(subscribe, pull))
  const queue = await ScriptedQueue.announced(next)
  await consumer.ready
  t.is(await queue.pulled(), 1)
  await client.publish('last', 1)
  t.is((await nextFrame(next)).kind, Kind.publish, 'it is announced once, and asks once')
  // Nothing is waited for that nobody answers.
  const closed = client.close()
  next.ok(await next.nextOf(Kind.unsubscribe))
  await next.nextOf(Kind.goodbye)
  next.destroy()
  await closed
  t.deepEqual(errors, [])
}

// It was sent again and announced anew: the second was refused with subscription.exists, and the consumer over for good.
test('continuation: a consumer whose announcement no process of the broker has read is announced once to the next one', t => announcedAnew(t, ({ id }) => id - 1))

test('continuation: a consumer whose announcement the process before has read and not answered is announced to the next one', t => announcedAnew(t, (_subscribe, { id }) => id))

test('continuation: a consumer that asked for messages on the way to another process of the broker asks for them there once it is announced', t => announcedAnew(t, ({ id }) => id))

test('continuation: what a consumer that ends on the way says to the next process of the broker is no error there', async t => {
  const pair = await scriptedClient(t, { sessionTtlMs: 60_000 }, GRANT)
  const errors: string[] = []
  pair.client.on('error', ({ code }) => errors.push(code))
  const consumer = pair.client.consume('jobs', { maxInFlight: 1, manual: true })
  const subscribe = await nextFrame(pair.peer)
  pair.peer.ok(subscribe, { ackWaitMs: 30_000 })
  const pull = await nextFrame(pair.peer)
  await consumer.ready
  const stopped = consumer.stop()
  await nextFrame(pair.peer)
  const next = await moved(pair, pull.id)
  const frame = await nextFrame(next)
  t.is(frame.kind, Kind.unsubscribe)
  next.refuse(frame, 'subscription.unknown', { subscription: frame.ref })
  await stopped
  t.deepEqual(errors, [])
})

test('continuation: who waits for a consumer that was stopped before any process of the broker confirmed it hears of it', async t => {
  const pair = await scriptedClient(t, { sessionTtlMs: 60_000 }, GRANT)
  const consumer = pair.client.consume('jobs', { maxInFlight: 1, manual: true })
  const ready = errorCode(consumer.ready)
  const subscribe = await nextFrame(pair.peer)
  const stopped = consumer.stop()
  const next = await moved(pair, subscribe.id - 1)
  const frame = await nextFrame(next)
  t.is(frame.kind, Kind.unsubscribe)
  next.refuse(frame, 'subscription.unknown', { subscription: frame.ref })
  await stopped
  t.is(await ready, 'client.aborted')
})

// What it asked on the way was sent behind the new announcement: the broker gave out two messages where maxInFlight was 1.
test('continuation: a consumer that asks for a message while its client is on the way asks the next process of the broker for it once', async t => {
  const held = await heldMessages(t, 1, { connect: { sessionTtlMs: 60_000 }, welcome: GRANT })
  const { client, messages } = held
  // Room for another one, at the end of a turn without a connection.
  const settled = nextEvent(client, 'disconnected').then(() => errorCode(messages[0]!.ack()))
  const next = await moved(held, 1000)
  const queue = await ScriptedQueue.announced(next)
  t.is(await queue.pulled(), 1)
  await client.publish('last', 1)
  t.is((await nextFrame(next)).kind, Kind.publish, 'it asks once')
  t.is(await settled, 'queue.lease_lost')
})
