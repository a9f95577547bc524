import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import type { QueuedMessage } from '../../client/index.ts'
import { errorCode } from '../support/error-code.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { GRANT, heldMessages } from '../support/held-messages.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'
import { forwarded, ScriptedQueue } from '../support/scripted-queue.ts'
import { until } from '../support/until.ts'

test('settle: a promise resolves when the broker has confirmed, not before', async t => {
  const { peer, queue, messages } = await heldMessages(t, 2)
  let isConfirmed = false
  const first = messages[0]!.ack().then(() => (isConfirmed = true))
  const second = messages[1]!.ack()
  const { frame, body } = await queue.settling()
  t.deepEqual(body, { ack: [1, 1, 2, 1] })
  t.false(isConfirmed)
  peer.ok(frame)
  await Promise.all([first, second])
  t.true(isConfirmed)
})

test('settle: a lease that was lost is told by the promise when somebody waits, else by the error event', async t => {
  const { client, queue, messages } = await heldMessages(t, 3)
  const told = nextEvent(client, 'error')
  const waited = errorCode(messages[0]!.ack())
  void messages[1]!.ack()
  const kept = errorCode(messages[2]!.ack())
  await queue.settled([1, 2])
  t.is(await waited, 'queue.lease_lost')
  t.like(await told, { code: 'queue.lease_lost', details: { queue: 'jobs', position: 2 } })
  t.is(await kept, 'resolved')
})

test('settle: what was settled is not settled again', async t => {
  const { queue, messages } = await heldMessages(t, 1)
  const [message] = messages
  const first = message!.ack()
  t.is(await errorCode(message!.nak()), 'queue.lease_lost')
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  await first
})

test('settle: what the broker refuses fails together, and may be said again', async t => {
  const { client, peer, queue, messages } = await heldMessages(t, 3)
  const errors: string[] = []
  client.on('error', ({ code }) => errors.push(code))
  const waited = messages.slice(0, 1).map(message => errorCode(message.ack()))
  void messages[1]!.ack()
  void messages[2]!.nak()
  const { frame } = await queue.settling()
  peer.refuse(frame, 'store.unavailable', { queue: 'jobs', problem: 'no space' })
  t.deepEqual(await Promise.all(waited), ['store.unavailable'])
  t.deepEqual(errors, ['store.unavailable'], 'once for all that nobody waits for')
  await queue.pulled()
  const again = messages[0]!.ack()
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  await again
})

test('settle: what would be refused for itself is refused at once, and leaves the rest of its turn alone', async t => {
  const { queue, messages } = await heldMessages(t, 3)
  for (const delayMs of [-1, 1.5, 2 ** 31]) t.throws(() => messages[0]!.nak({ delayMs }), { code: 'queue.bad_option' })
  for (const count of [0, 101]) t.throws(() => messages[0]!.forward(Array.from({ length: count }, () => ({ subject: 'results', value: 1 }))), { code: 'queue.bad_option' })
  const done = [messages[0]!.nak({ delayMs: 0 }), messages[1]!.release(), messages[2]!.ack()]
  t.deepEqual(await queue.settled(), { ack: [3, 1], release: [2, 1], nak: [[1, 1, 0]] })
  await Promise.all(done)
})

test('settle: in another session nothing of the old one can be settled, and its messages know', async t => {
  const { broker, client, peer, consumer, messages } = await heldMessages(t, 2)
  const { signal } = messages[0]!
  const flying = errorCode(messages[1]!.ack())
  await peer.nextOf(Kind.settle)
  const reconnected = nextEvent(client, 'reconnected')
  peer.destroy()
  const next = await broker.welcome()
  await reconnected
  t.is(await flying, 'connection.lost', 'it may have arrived')
  t.true(signal.aborted)
  t.is(await errorCode(messages[0]!.ack()), 'queue.lease_lost')
  t.is(consumer.inFlight, 0)
  // The consumer is announced again under its number, with all of its credit.
  const queue = await ScriptedQueue.announced(next)
  t.is(await queue.pulled(), 2)
})

test('settle: what waits here unread when the session ends is not handled', async t => {
  const seen: number[] = []
  let finish = (): void => {}
  const { broker, client, peer } = await scriptedClient(t)
  const consumer = client.consume<number>('jobs', {
    maxInFlight: 2,
    onMessage: ({ value }) => {
      seen.push(value)
      return new Promise<void>(resolve => (finish = resolve))
    },
  })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 1)
  await queue.pulled()
  queue.lease(2, 2)
  await until(() => consumer.unread === 1)
  const told = nextEvent(client, 'error')
  peer.destroy()
  const next = await ScriptedQueue.announced(await broker.welcome())
  finish()
  t.is((await told).code, 'queue.lease_lost', 'the handler did its work for nothing')
  await next.pulled()
  next.lease(2, 2, { headers: { $attempt: 2 } })
  await until(() => seen.length === 2)
  finish()
  t.deepEqual(await next.settled(), { ack: [2, 2] })
})

test('settle: a session that goes on keeps its leases, and what was said meanwhile leaves afterwards', async t => {
  const { broker, client, peer, queue, messages } = await heldMessages(t, 2, { connect: { sessionTtlMs: 60_000 }, welcome: GRANT })
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  const acked = messages[0]!.ack()
  t.false(messages[1]!.signal.aborted)
  const next = await broker.welcome({ ...GRANT, resumed: true, lost: 0, lastId: 3 })
  t.true(messages[1]!.isHeld)
  const frame = await next.nextOf(Kind.settle)
  t.is(frame.ref, queue.number)
  next.ok(frame)
  await acked
})

test('settle: forward sends what takes its place, in a frame of its own, with its headers', async t => {
  const { queue, messages } = await heldMessages(t, 3)
  const done = [
    messages[0]!.forward('results.a', { n: 1 }, { mid: 'r-1', delayMs: 10, session: 's', sequence: 2, deliverAt: new Date(5), durability: 'os', headers: { colour: 'green' } }),
    messages[1]!.forward([{ subject: 'results.b', value: 'text' }, { subject: 'audit', value: new Uint8Array([1]) }]),
    messages[2]!.ack(),
  ]
  const bodies = [await queue.settled(), await queue.settled(), await queue.settled()]
  await Promise.all(done)
  t.deepEqual(bodies.map(body => Object.keys(body)), [['forward'], ['forward'], ['ack']])
  const [[position, attempt, frames]] = bodies[0]!.forward as [[number, number, Uint8Array[]]]
  const [first] = frames.map(forwarded)
  t.deepEqual([position, attempt, first!.subject, first!.id, first!.kind], [1, 1, 'results.a', 0, Kind.publish])
  t.deepEqual(first!.headers, { colour: 'green', mid: 'r-1', delay: 10, deliverAt: 5, session: 's', sequence: 2, durability: 'os' })
  t.deepEqual(bodies[1]!.forward![0]![2].map(bytes => forwarded(bytes).subject), ['results.b', 'audit'])
})

test('settle: where messages must be signed, those that are forwarded are', async t => {
  const { queue, messages } = await heldMessages(t, 1, { welcome: { signature: true } })
  void messages[0]!.forward('results', 1)
  const [[, , [frame]]] = (await queue.settled()).forward as [[number, number, Uint8Array[]]]
  const { sig } = forwarded(frame!).headers as { readonly sig: Uint8Array }
  t.is(sig.length, 32)
})

test('settle: a forward that is refused leaves the message on lease', async t => {
  const { peer, queue, messages } = await heldMessages(t, 1)
  const [message] = messages
  t.throws(() => message!.forward('no spaces', 1), { code: 'subject.invalid' })
  const refused = errorCode(message!.forward('elsewhere', 1))
  const { frame } = await queue.settling()
  peer.refuse(frame, 'queue.not_a_queue', { channel: 'elsewhere', mode: 'pubsub' })
  t.is(await refused, 'queue.not_a_queue')
  t.true(message!.isHeld)
  const tooLarge = errorCode(message!.forward('elsewhere', new Uint8Array(2_000_000)))
  t.is(await tooLarge, 'frame.too_large')
  t.true(message!.isHeld)
})

test('settle: leases of what waits and of handlers that run are extended while the client lives; those of the application are not', async t => {
  const { client, peer } = await scriptedClient(t)
  const finish: (() => void)[] = []
  const consumer = client.consume<number>('jobs', { maxInFlight: 2, onMessage: () => new Promise<void>(resolve => finish.push(resolve)) })
  const queue = await ScriptedQueue.announced(peer, 60)
  await queue.pulled()
  queue.lease(1, 1)
  await queue.pulled()
  queue.lease(2, 2)
  const extended = async (lost: readonly number[]): Promise<void> => {
    const left = new Set([1, 2])
    while (left.size > 0) {
      const { working = [] } = await queue.settled(lost)
      for (let at = 0; at < working.length; at += 2) left.delete(working[at]!)
    }
  }
  await extended([])
  t.is(finish.length, 1, 'the second one waits')
  // The broker knows better: another consumer has the first one, and the second must not be begun here.
  await extended([1, 2])
  await until(() => consumer.inFlight === 0)
  const told = nextEvent(client, 'error')
  finish[0]!()
  t.is((await told).code, 'queue.lease_lost')
  t.is(finish.length, 1)
  // What was read by an iterator is its reader's.
  const clock = new FakeClock()
  const other = await scriptedClient(t, {}, {}, clock)
  const read = other.client.consume('jobs')
  const reader = read[Symbol.asyncIterator]()
  const given = await ScriptedQueue.announced(other.peer, 3000)
  await given.pulled()
  given.lease(1, 1)
  const { value: message } = await reader.next()
  await given.pulled()
  given.lease(2, 2)
  await until(() => read.unread === 1)
  await clock.advance(1100)
  // The one that nobody has read is extended, the one that was is not.
  t.deepEqual(await given.settled(), { working: [2, 1] })
  t.true((message as QueuedMessage).isHeld)
})

