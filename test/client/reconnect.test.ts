import test from 'ava'
import fc from 'fast-check'
import { Kind } from '../../broker/wire/layout.ts'
import { connect } from '../../client/index.ts'
import { lookDelayMs, retryDelayMs } from '../../client/reconnect.ts'
import { ScriptedBroker, TOKEN } from '../support/scripted-broker.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

test('reconnect: the delay grows by the multiplier, to 30 s, and is shortened by up to a fifth', t => {
  const policy = { enabled: true, maxRetries: 3, retryDelayMs: 1000, backoffMultiplier: 2 }
  t.deepEqual([1, 2, 3, 20].map(attempt => retryDelayMs(policy, attempt, 0)), [1000, 2000, 4000, 30_000])
  t.is(retryDelayMs(policy, 1, 0.5), 900)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
      const delayMs = retryDelayMs(policy, attempt, random)
      t.true(delayMs >= 800 && delayMs <= 30_000, String(delayMs))
    }),
  )
})

test('reconnect: looks at a broker that is gone are 50 ms apart, later a tenth of the time away, shortened by up to a fifth', t => {
  t.deepEqual([0, 400, 1000, 60_000].map(awayMs => lookDelayMs(awayMs, 0)), [50, 50, 100, 6000])
  t.is(lookDelayMs(0, 0.5), 45)
})

test('reconnect: a client of a Unix socket is back as soon as somebody listens there, long before its retry is due', async t => {
  const { broker, client } = await scriptedClient(t, { retry: { maxRetries: 1, retryDelayMs: 3_600_000 } })
  const [disconnected, reconnected] = [nextEvent(client, 'disconnected'), nextEvent(client, 'reconnected')]
  broker.stop()
  await disconnected
  await (await ScriptedBroker.start(t, broker.socket)).welcome()
  await reconnected
  t.true(client.isConnected)
})

test('reconnect: subscriptions come back under the same numbers, before what waited', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const subscription = client.subscribe('a.>', { group: 'g' })
  client.subscribe('$CB.all')
  peer.ok(await peer.nextOf(Kind.subscribe))
  const disconnected = nextEvent(client, 'disconnected')
  const reconnected = nextEvent(client, 'reconnected')
  peer.goodbye('connection.draining')
  t.is((await disconnected).code, 'connection.draining')
  t.false(client.isConnected)
  const waited = client.publish('x', 1)
  const next = await broker.welcome({ incarnation: 8 })
  const announced = await next.nextOf(Kind.subscribe)
  t.deepEqual([announced.id, announced.ref], [2, subscription.number])
  t.is((await next.nextOf(Kind.publish)).subject, 'x')
  await waited
  t.like(await reconnected, { incarnation: 8 })
  next.ok(announced)
  next.publish('a.b', 'back', { kind: Kind.grouped, ref: subscription.number })
  t.is((await subscription[Symbol.asyncIterator]().next()).value?.value, 'back')
})

test('reconnect: open requests fail by name, those that may be repeated are sent again', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const plain = errorCode(client.request('plain'))
  const named = client.request('named', 1, { mid: 'msg-1' })
  const idempotent = client.request('idempotent', 1, { idempotent: true })
  const unwilling = errorCode(client.request('unwilling', 1, { mid: 'msg-2', idempotent: false }))
  const streamed = errorCode(client.stream('streamed').next())
  const receipt = errorCode(client.publish('receipt', 1, { receipt: true }))
  const named2 = client.publish('receipt-mid', 1, { receipt: true, mid: 'msg-3' })
  for (let i = 0; i < 7; i++) await peer.next()
  peer.destroy()
  t.deepEqual(await Promise.all([plain, unwilling, streamed, receipt]), Array(4).fill('connection.lost'))
  const next = await broker.welcome()
  const frames = [await next.next(), await next.next(), await next.next()]
  t.deepEqual(frames.map(frame => frame.subject), ['named', 'idempotent', 'receipt-mid'])
  t.deepEqual(frames.map(frame => frame.id), [2, 3, 4])
  next.answer(frames[0]!, 'one')
  next.answer(frames[1]!, 'two')
  next.answer(frames[2]!, { receivers: 1 }, Kind.receipt)
  t.deepEqual([(await named).value, (await idempotent).value, await named2], ['one', 'two', { receivers: 1 }])
})

test('reconnect: messages wait up to the limit, in order, then fail by name', async t => {
  const { broker, client, peer } = await scriptedClient(t, { offlineLimit: 2 })
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  const waiting = [client.publish('a', 1), client.publish('a', 2)]
  t.is(await errorCode(client.publish('a', 3)), 'client.offline_full')
  t.is(await errorCode(client.request('a', 4)), 'client.offline_full')
  const next = await broker.welcome()
  await Promise.all(waiting)
  t.deepEqual([(await next.next()).payload[0], (await next.next()).payload[0]], [1, 2])
})

test('reconnect: a message that waits can be taken back', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  const controller = new AbortController()
  const taken = errorCode(client.publish('taken', 1, { signal: controller.signal }))
  const asked = errorCode(client.request('asked', 1, { signal: controller.signal }))
  const kept = client.publish('kept', 2)
  controller.abort()
  t.deepEqual(await Promise.all([taken, asked]), ['client.aborted', 'client.aborted'])
  const next = await broker.welcome()
  t.is((await next.next()).subject, 'kept')
  await kept
})

test('reconnect: after the last retry the client is closed, and says why', async t => {
  const { broker, client, peer } = await scriptedClient(t, { retry: { maxRetries: 2, retryDelayMs: 1 } })
  const subscription = client.subscribe('a')
  peer.ok(await peer.nextOf(Kind.subscribe))
  const reading = errorCode(subscription[Symbol.asyncIterator]().next())
  broker.stop()
  t.regex((await client.closed)?.code ?? '', /^connect\.(no_socket|refused)$/)
  t.is(await reading, (await client.closed)?.code ?? '')
  t.is(await errorCode(client.publish('a', 1)), 'client.closed')
})

test('reconnect: with Infinity it outlasts a long absence', async t => {
  const { broker, client, peer } = await scriptedClient(t, { retry: { maxRetries: Infinity, retryDelayMs: 1, backoffMultiplier: 1 } })
  const reconnected = nextEvent(client, 'reconnected')
  peer.goodbye('connection.draining')
  // The handshake is refused more often than the broker's own policy would have it tried.
  for (let i = 0; i < 10; i++) (await broker.accept()).goodbye('connection.limit')
  await broker.welcome()
  await reconnected
  t.true(client.isConnected)
})

test('reconnect: what would only happen again is not tried again', async t => {
  const taken = await scriptedClient(t)
  taken.peer.goodbye('session.taken_over')
  t.is((await taken.client.closed)?.code, 'session.taken_over')
  const never = await scriptedClient(t, { retry: false })
  never.peer.destroy()
  t.is((await never.client.closed)?.code, 'connection.lost')
  const disabled = await scriptedClient(t, {}, { retry: { enabled: false, maxRetries: 3, retryDelayMs: 1, backoffMultiplier: 1 } })
  disabled.peer.destroy()
  t.is((await disabled.client.closed)?.code, 'connection.lost')
})

test('reconnect: closing while away ends the wait', async t => {
  const { client, peer } = await scriptedClient(t, { retry: { retryDelayMs: 3_600_000 } })
  const disconnected = nextEvent(client, 'disconnected')
  peer.destroy()
  await disconnected
  const waiting = errorCode(client.publish('a', 1))
  await client.close()
  t.is(await waiting, 'client.closed')
  t.is(await client.closed, undefined)
})

test('reconnect: the first connection is one attempt', async t => {
  const broker = await ScriptedBroker.start(t)
  const attempt = errorCode(connect({ socket: broker.socket, token: TOKEN, retry: { maxRetries: 5, retryDelayMs: 1 } }))
  ;(await broker.accept()).destroy()
  t.is(await attempt, 'connection.lost')
})
