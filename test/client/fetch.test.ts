import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'
import { ScriptedQueue } from '../support/scripted-queue.ts'

test('fetch: gives so many as soon as they are there, and keeps its consumer for the next one', async t => {
  const { client, peer } = await scriptedClient(t)
  const fetching = client.fetch<string>('jobs', { limit: 2 })
  const queue = await ScriptedQueue.announced(peer)
  t.is(await queue.pulled(), 2)
  queue.lease(1, 'a')
  queue.lease(2, 'b', { headers: { $attempt: 2, colour: 'green' } })
  const messages = await fetching
  t.deepEqual(messages.map(({ value, attempt, headers }) => [value, attempt, headers]), [['a', 1, undefined], ['b', 2, { colour: 'green' }]])
  const done = messages.map(message => message.ack())
  t.deepEqual(await queue.settled(), { ack: [1, 1, 2, 2] })
  await Promise.all(done)
  const again = client.fetch<string>('jobs')
  t.is(await queue.pulled(), 1)
  queue.lease(3, 'c')
  t.deepEqual((await again).map(({ value }) => value), ['c'])
})

test('fetch: when the time is up it gives what came, and what was on its way', async t => {
  const { client, peer } = await scriptedClient(t)
  const fetching = client.fetch<string>('jobs', { limit: 5, timeoutMs: 20 })
  const queue = await ScriptedQueue.announced(peer)
  t.is(await queue.pulled(), 5)
  queue.lease(1, 'a')
  const end = await queue.ending()
  queue.lease(2, 'b')
  peer.ok(end)
  const messages = await fetching
  t.deepEqual(messages.map(({ value }) => value), ['a', 'b'])
  // They are settled all the same.
  const acked = messages[0]!.ack()
  t.deepEqual(await queue.settled(), { ack: [1, 1] })
  await acked
  // The next one is another consumer.
  const next = client.fetch('jobs', { timeoutMs: 20 })
  const other = await ScriptedQueue.announced(peer)
  t.not(other.number, queue.number)
  await other.pulled()
  peer.ok(await other.ending())
  t.deepEqual(await next, [])
})

test('fetch: an abort gives back what came', async t => {
  const { client, peer } = await scriptedClient(t)
  const controller = new AbortController()
  const fetching = errorCode(client.fetch('jobs', { limit: 2, signal: controller.signal }))
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 'a')
  // A message of no consumer, behind it: when that was seen, both were.
  const seen = client.subscribe('after')[Symbol.asyncIterator]().next()
  peer.ok(await peer.nextOf(Kind.subscribe))
  peer.publish('after', 1)
  await seen
  controller.abort()
  t.is(await fetching, 'client.aborted')
  peer.ok(await queue.ending())
  t.deepEqual(await queue.settled(), { release: [1, 1] })
  t.is(await errorCode(client.fetch('jobs', { signal: controller.signal })), 'client.aborted')
})

test('fetch: what the broker refuses, and options that make no sense, fail by name', async t => {
  const { client, peer } = await scriptedClient(t)
  const fetching = errorCode(client.fetch('jobs'))
  peer.refuse(await peer.nextOf(Kind.subscribe), 'permission.denied', { principal: 'x', action: 'subscribe', subject: 'jobs' })
  t.is(await fetching, 'permission.denied')
  t.is(await errorCode(client.fetch('jobs', { limit: 0 })), 'queue.consumer')
  t.is(await errorCode(client.fetch('no spaces')), 'subject.invalid')
  await client.close()
  t.is(await errorCode(client.fetch('jobs')), 'client.closed')
})

test('fetch: over a break it begins anew, as what it had goes to others', async t => {
  const { broker, client, peer } = await scriptedClient(t)
  const fetching = client.fetch<string>('jobs', { limit: 2 })
  const queue = await ScriptedQueue.announced(peer)
  await queue.pulled()
  queue.lease(1, 'a')
  const reconnected = nextEvent(client, 'reconnected')
  peer.destroy()
  const next = await broker.welcome()
  await reconnected
  const again = await ScriptedQueue.announced(next)
  t.is(await again.pulled(), 2)
  again.lease(1, 'a', { headers: { $attempt: 2 } })
  again.lease(2, 'b')
  t.deepEqual((await fetching).map(({ value, attempt }) => [value, attempt]), [['a', 2], ['b', 1]])
})

test('fetch: a broker that is away for all of the time is told by name', async t => {
  const { broker, client, peer } = await scriptedClient(t, { requestTimeoutMs: 20, retry: { maxRetries: Infinity, retryDelayMs: 1000 } })
  broker.stop()
  peer.destroy()
  await nextEvent(client, 'disconnected')
  t.is(await errorCode(client.fetch('jobs', { timeoutMs: 1 })), 'queue.timeout')
})
