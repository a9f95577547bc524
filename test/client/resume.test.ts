import { decode } from '@msgpack/msgpack'
import test from 'ava'
import type { Frame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { ConnectOptions, Message } from '../../client/index.ts'
import { take, values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import type { ScriptedConnection } from '../support/scripted-broker.ts'
import { nextEvent, scriptedClient, type ScriptedPair } from '../support/scripted-client.ts'
import type { Teardown } from '../support/temporary-directory.ts'

const GRANT = { session: 'ab'.repeat(16), secret: 'a-secret', sessionTtlMs: 60_000 }

function grantedClient(t: Teardown, options: ConnectOptions = {}): Promise<ScriptedPair> {
  return scriptedClient(t, { sessionTtlMs: 60_000, ...options }, GRANT)
}

/** Breaks the connection; the one after it, in a session that goes on. */
async function resumed({ broker, client, peer }: ScriptedPair, welcome: { lastId: number; lost?: number }): Promise<ScriptedConnection> {
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  return broker.welcome({ ...GRANT, resumed: true, lost: 0, ...welcome })
}

function received(frame: Frame): number {
  return (decode(frame.payload) as { received: number }).received
}

/** The next frame that is no ack: those come when they come. */
async function nextFrame(peer: ScriptedConnection): Promise<Frame> {
  for (;;) {
    const frame = await peer.next()
    if (frame.kind !== Kind.ack) return frame
  }
}

async function frameOf(peer: ScriptedConnection, kind: number): Promise<Frame> {
  const frame = await nextFrame(peer)
  if (frame.kind !== kind) throw new Error(`expected a frame of kind ${kind}, got ${frame.kind}`)
  return frame
}

/** What is confirmed, up to `count` frames; nothing else comes in between. */
async function acked(peer: ScriptedConnection, count: number): Promise<number[]> {
  const counts: number[] = []
  while (counts.at(-1) !== count) counts.push(received(await peer.nextOf(Kind.ack)))
  return counts
}

test('resume: the client asks for a session, and goes on with the one that was granted', async t => {
  const pair = await grantedClient(t)
  t.is(pair.peer.hello['sessionTtlMs'], 60_000)
  t.false('resume' in pair.peer.hello)
  const news = pair.client.subscribe('news')
  const subscribed = await frameOf(pair.peer, Kind.subscribe)
  pair.peer.ok(subscribed)
  await news.ready
  for (const n of [1, 2, 3]) pair.peer.publish('news', n)
  t.deepEqual(await values(news, 3), [1, 2, 3])
  // Every frame counts, the ok to the subscription too.
  await acked(pair.peer, 4)
  const told = Promise.all([nextEvent(pair.client, 'resumed'), nextEvent(pair.client, 'reconnected')])
  const next = await resumed(pair, { lastId: 3, lost: 7 })
  t.deepEqual(next.hello['resume'], { session: GRANT.session, secret: GRANT.secret, received: 4 })
  t.like(await told, [{ lost: 7 }, { resumed: true }])
  next.publish('news', 4)
  t.deepEqual(await values(news, 1), [4])
  // Nothing was announced again: the next frame is the ack of what just came.
  await acked(next, 5)
})

test('resume: what the broker did not take is sent again under its own ids, before what waited', async t => {
  const pair = await grantedClient(t)
  const first = ['a', 'b', 'c', 'd']
  await Promise.all(first.map(subject => pair.client.publish(subject, subject)))
  const ids: number[] = []
  for (const subject of first) {
    const frame = await frameOf(pair.peer, Kind.publish)
    t.is(frame.subject, subject)
    ids.push(frame.id)
  }
  const disconnected = nextEvent(pair.client, 'disconnected')
  pair.peer.destroy()
  await disconnected
  const waiting = pair.client.publish('e', 'e')
  const next = await pair.broker.welcome({ ...GRANT, resumed: true, lost: 0, lastId: ids[1] })
  const again = [await nextFrame(next), await nextFrame(next), await nextFrame(next)]
  t.deepEqual(again.map(({ subject, id }) => [subject, id]), [['c', ids[2]], ['d', ids[3]], ['e', ids[3]! + 1]])
  await waiting
  // The next connection may break as well.
  const third = await resumed({ ...pair, peer: next }, { lastId: ids[2]! })
  t.deepEqual([(await nextFrame(third)).subject, (await nextFrame(third)).subject], ['d', 'e'])
})

test('resume: open calls stay open, whatever their kind, and get their answers over the next connection', async t => {
  const pair = await grantedClient(t)
  const { client, peer } = pair
  const answer = client.request('ask', 1)
  const stream = client.stream<number>('parts')
  const firstPart = stream.next()
  const receipt = client.publish('told', 1, { receipt: true })
  const [asked, streamed, told] = [await nextFrame(peer), await nextFrame(peer), await nextFrame(peer)]
  peer.answer(streamed, 1, Kind.part)
  t.is((await firstPart).value?.value, 1)
  const next = await resumed(pair, { lastId: told.id })
  // Answers are to the session's origin, which stays.
  next.answer(streamed, 2, Kind.part)
  next.answer(asked, 'done')
  next.answer(told, { receivers: 3 }, Kind.receipt)
  next.answer(streamed, 3)
  t.deepEqual([(await stream.next()).value?.value, (await stream.next()).value?.value], [2, 3])
  t.is((await answer).value, 'done')
  t.deepEqual(await receipt, { receivers: 3 })
})

test('resume: requests of others stay open; answers given meanwhile wait, in order', async t => {
  const pair = await grantedClient(t)
  const service = pair.client.subscribe('work')
  pair.peer.ok(await frameOf(pair.peer, Kind.subscribe))
  pair.peer.request('work', 'please')
  const [message] = (await take(service, 1)) as [Message]
  const disconnected = nextEvent(pair.client, 'disconnected')
  pair.peer.destroy()
  await disconnected
  t.true(message.isReplyable)
  t.false(message.signal.aborted)
  const answers = [message.part('one'), message.part('two'), message.respond('three')]
  const next = await pair.broker.welcome({ ...GRANT, resumed: true, lost: 0, lastId: 3 })
  await Promise.all(answers)
  const frames = [await nextFrame(next), await nextFrame(next), await nextFrame(next)]
  t.deepEqual(frames.map(({ kind, ref, to, payload }) => [kind, ref, to, new TextDecoder().decode(payload)]), [
    [Kind.part, message.id, message.origin, 'one'],
    [Kind.part, message.id, message.origin, 'two'],
    [Kind.response, message.id, message.origin, 'three'],
  ])
})

test('resume: what was subscribed, given up and cancelled meanwhile is told afterwards', async t => {
  const pair = await grantedClient(t)
  const { client, peer, broker } = pair
  const old = client.subscribe('old')
  peer.ok(await frameOf(peer, Kind.subscribe))
  await old.ready
  const controller = new AbortController()
  const given = errorCode(client.request('slow', 1, { signal: controller.signal }))
  const asked = await frameOf(peer, Kind.request)
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  controller.abort()
  t.is(await given, 'client.aborted')
  await old.unsubscribe()
  const fresh = client.subscribe('fresh')
  const passing = client.subscribe('passing')
  await passing.unsubscribe()
  const next = await broker.welcome({ ...GRANT, resumed: true, lost: 0, lastId: asked.id })
  const frames = [await nextFrame(next), await nextFrame(next), await nextFrame(next)]
  t.deepEqual(frames.map(({ kind, ref }) => [kind, ref]), [[Kind.subscribe, fresh.number], [Kind.cancel, asked.id], [Kind.unsubscribe, old.number]])
  next.ok(frames[0]!)
  await fresh.ready
})

test('resume: a session that does not go on is said so, and all goes as without one', async t => {
  const pair = await grantedClient(t)
  const { client, peer, broker } = pair
  const service = client.subscribe('work')
  peer.ok(await frameOf(peer, Kind.subscribe))
  peer.request('work', 'please')
  const [message] = (await take(service, 1)) as [Message]
  const plain = errorCode(client.request('plain'))
  const named = client.request('named', 1, { mid: 'msg-1' })
  for (let i = 0; i < 2; i++) await frameOf(peer, Kind.request)
  await client.publish('gone', 1)
  await frameOf(peer, Kind.publish)
  const disconnected = nextEvent(client, 'disconnected')
  const reconnected = nextEvent(client, 'reconnected')
  client.on('resumed', () => t.fail('it was not resumed'))
  peer.destroy()
  await disconnected
  const answered = errorCode(message.respond('late'))
  const next = await broker.welcome({ ...GRANT, session: 'cd'.repeat(16), resumed: false, incarnation: 8 })
  t.is(await plain, 'connection.lost')
  t.is(await answered, 'connection.lost')
  t.false(message.isReplyable)
  t.like(await reconnected, { resumed: false })
  const frames = [await nextFrame(next), await nextFrame(next)]
  // Ids and subscriptions begin anew; the publish without receipt is not repeated.
  t.deepEqual(frames.map(({ kind, id, subject }) => [kind, id, subject]), [[Kind.subscribe, 2, ''], [Kind.request, 3, 'named']])
  next.answer(frames[1]!, 'one')
  t.is((await named).value, 'one')
  // The new session is one that can go on.
  const third = await resumed({ ...pair, peer: next }, { lastId: 3 })
  t.like(third.hello['resume'], { session: 'cd'.repeat(16) })
})

test('resume: a broker that shuts down takes its sessions along, so open calls fail at once', async t => {
  const { client, peer, broker } = await grantedClient(t)
  const open = errorCode(client.request('ask'))
  await frameOf(peer, Kind.request)
  peer.goodbye('connection.draining')
  t.is(await open, 'connection.lost')
  const next = await broker.welcome(GRANT)
  t.false('resume' in next.hello)
})

test('resume: when no connection comes back, everything fails with the reason', async t => {
  const { client, peer, broker } = await grantedClient(t, { retry: { maxRetries: 1, retryDelayMs: 1 } })
  const service = client.subscribe('work')
  peer.ok(await frameOf(peer, Kind.subscribe))
  peer.request('work', 'please')
  const [message] = (await take(service, 1)) as [Message]
  const open = errorCode(client.request('ask'))
  await frameOf(peer, Kind.request)
  broker.stop()
  const reason = (await client.closed)?.code ?? ''
  t.regex(reason, /^connect\./)
  t.is(await open, reason)
  t.true(message.signal.aborted)
})

test('resume: destroying the client while away ends what was open', async t => {
  const { client, peer } = await grantedClient(t, { retry: { retryDelayMs: 3_600_000 } })
  const open = errorCode(client.request('ask'))
  await frameOf(peer, Kind.request)
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  client.destroy()
  t.is(await open, 'client.closed')
  t.is(await client.closed, undefined)
})

test('resume: a client that is destroyed leaves no session behind', async t => {
  const { client, peer } = await grantedClient(t)
  client.destroy()
  t.is((await nextFrame(peer)).kind, Kind.goodbye)
})

test('resume: what is received is confirmed after 256 messages, and the rest when nothing more comes', async t => {
  const { client, peer } = await grantedClient(t)
  client.subscribe('news', { onMessage: () => {} })
  peer.ok(await frameOf(peer, Kind.subscribe))
  for (let i = 0; i < 600; i++) peer.publish('news', i)
  const counts = await acked(peer, 601)
  // Sooner when the messages do not come in one piece.
  t.true(counts.every((count, i) => count - (counts[i - 1] ?? 0) <= 256), String(counts))
})

test('resume: what is asked for stands in the hello', async t => {
  const { peer } = await scriptedClient(t, { sessionTtlMs: 5, flow: { overflow: 'drop-oldest', maxPendingMessages: 9 } })
  t.like(peer.hello, { sessionTtlMs: 5, flow: { overflow: 'drop-oldest', maxPendingMessages: 9 } })
})
