import test from 'ava'
import type { Message } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent } from '../support/scripted-client.ts'

const BACK_SOON = { retry: { maxRetries: Infinity, retryDelayMs: 5, backoffMultiplier: 1 } }

test('reconnect: after a restart of the broker the client is back with its id and its subscriptions', async t => {
  const first = await startBroker(t)
  const client = await first.connect({ ...BACK_SOON, clientId: 'steady' })
  const plain = client.subscribe('news.>')
  const grouped = client.subscribe('jobs', { group: 'g' })
  const filtered = client.subscribe('weather', { filter: 'hot=true' })
  await Promise.all([plain.ready, grouped.ready, filtered.ready])
  const { incarnation } = client.welcome
  const [disconnected, reconnected] = [nextEvent(client, 'disconnected'), nextEvent(client, 'reconnected')]
  await first.broker.stop()
  t.is((await disconnected).code, 'connection.draining')

  const second = await startBroker(t, { home: first.home })
  t.is((await reconnected).incarnation, incarnation + 1)
  t.is(client.id, 'steady')
  // Its own next call comes after its subscriptions.
  await client.call('ping')
  const other = await second.connect()
  t.deepEqual(await other.publish('news.today', 'news', { receipt: true }), { receivers: 1 })
  t.deepEqual(await other.publish('jobs', 'job', { receipt: true }), { receivers: 1 })
  t.deepEqual(await other.publish('weather', { hot: false }, { receipt: true }), { receivers: 0 })
  t.deepEqual(await other.publish('weather', { hot: true }, { receipt: true }), { receivers: 1 })
  t.deepEqual([await values(plain, 1), await values(grouped, 1), await values(filtered, 1)], [['news'], ['job'], [{ hot: true }]])
})

test('reconnect: what is published while the broker is away waits, in order, up to the limit', async t => {
  const first = await startBroker(t)
  const client = await first.connect({ ...BACK_SOON, offlineLimit: 3 })
  const own = client.subscribe('diary.>')
  await own.ready
  const disconnected = nextEvent(client, 'disconnected')
  await first.broker.stop()
  await disconnected
  const waiting = [client.publish('diary.1', 1), client.publish('diary.2', 2, { receipt: true }), client.request('$CB.api.ping', {})] as const
  t.is(await errorCode(client.publish('diary.4', 4)), 'client.offline_full')
  await startBroker(t, { home: first.home })
  await waiting[0]
  t.deepEqual(await waiting[1], { receivers: 1 })
  await waiting[2]
  t.deepEqual(await values(own, 2), [1, 2])
})

test('reconnect: a client that may not come back fails what waits, by name', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect({ retry: { maxRetries: 2, retryDelayMs: 1, backoffMultiplier: 1 } })
  const disconnected = nextEvent(client, 'disconnected')
  const stopped = broker.broker.stop()
  // At once: after its two attempts, a few milliseconds later, nothing waits any more.
  await disconnected
  const waiting = errorCode(client.publish('x', 1))
  await stopped
  t.is(await waiting, 'connect.no_socket')
  t.is((await client.closed)?.code, 'connect.no_socket')
  t.is(await errorCode(client.publish('x', 2)), 'client.closed')
})

test('reconnect: a request that was open fails; one that may be repeated is answered by the next broker', async t => {
  const first = await startBroker(t)
  const client = await first.connect(BACK_SOON)
  const { incarnation } = client.welcome
  const asked: number[] = []
  const bothAsked = Promise.withResolvers<void>()
  // Silent while the first broker runs, so that both requests are open when it ends.
  const onMessage = async (message: Message<number>): Promise<void> => {
    if (client.welcome.incarnation > incarnation) return message.respond('done')
    if (asked.push(message.value) === 2) bothAsked.resolve()
  }
  await client.subscribe<number>('work', { onMessage }).ready
  const once = errorCode(client.request('work', 1, { timeoutMs: 30_000 }))
  const again = client.request('work', 2, { timeoutMs: 30_000, idempotent: true })
  await bothAsked.promise
  await first.broker.stop()
  t.is(await once, 'connection.lost')
  await startBroker(t, { home: first.home })
  t.is((await again).value, 'done')
})
