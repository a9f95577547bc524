import { getEventListeners } from 'node:events'
import { decode } from '@msgpack/msgpack'
import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { BrokerError, type Message, type Subscription } from '../../client/index.ts'
import type { ScriptedConnection } from '../support/scripted-broker.ts'
import { settle } from '../support/fake-clock.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

async function confirm(peer: ScriptedConnection, subscription: Subscription): Promise<void> {
  peer.ok(await peer.nextOf(Kind.subscribe))
  await subscription.ready
}

async function read<T>(subscription: Subscription<T>, count: number): Promise<T[]> {
  const values: T[] = []
  const iterator = subscription[Symbol.asyncIterator]()
  while (values.length < count) values.push((await iterator.next()).value!.value)
  return values
}

test('subscribe: the broker is told, and messages arrive in order with all they carry', async t => {
  const { client, peer } = await scriptedClient(t)
  const subscription = client.subscribe<{ n: number }>('events.>', { filter: 'n>0' })
  const frame = await peer.nextOf(Kind.subscribe)
  t.deepEqual([frame.ref, decode(frame.payload)], [1, { pattern: 'events.>', filter: 'n>0' }])
  peer.ok(frame)
  await subscription.ready
  peer.publish('events.a', { n: 1 }, { id: 5, headers: { mid: 'm' } })
  peer.publish('events.b.c', { n: 2 })
  const iterator = subscription[Symbol.asyncIterator]()
  const { value: first } = await iterator.next()
  t.like(first, { subject: 'events.a', id: 5, origin: 99, time: 1_000_000, textId: 'scripted.7.99.5', headers: { mid: 'm' }, kind: 'publish', isReplyable: false })
  t.deepEqual(first!.value, { n: 1 })
  t.is(first!.value, first!.value, 'decoded once')
  t.is((await iterator.next()).value!.value.n, 2)
  await t.throwsAsync(first!.respond(1), { message: /request\.not_open/ })
})

test('subscribe: each subscription gets what its own pattern and filter let through', async t => {
  const { client, peer } = await scriptedClient(t)
  const seen: string[] = []
  const note = (name: string) => (message: Message) => void seen.push(`${name}:${String(message.value)}`)
  client.subscribe('a.*', { onMessage: note('star') })
  client.subscribe('a.>', { onMessage: note('rest') })
  client.subscribe('a.b', { filter: '@subject=a.b && #keep=1', onMessage: note('filtered') })
  client.subscribe('a.b', { group: 'g', onMessage: note('group') })
  const last = client.subscribe('end')
  for (let i = 0; i < 5; i++) peer.ok(await peer.nextOf(Kind.subscribe))
  peer.publish('a.b', 'x')
  peer.publish('a.b.c', 'y')
  peer.publish('a.b', 'z', { headers: { keep: 1 } })
  peer.publish('a.b', 'g', { kind: Kind.grouped, ref: 4 })
  peer.publish('end', 'end')
  await read(last, 1)
  t.deepEqual(seen, ['star:x', 'rest:x', 'rest:y', 'star:z', 'rest:z', 'filtered:z', 'group:g'])
})

test('subscribe: a new subscription sees subjects that were matched before', async t => {
  const { client, peer } = await scriptedClient(t)
  const first = client.subscribe('a')
  await confirm(peer, first)
  peer.publish('a', 1)
  t.deepEqual(await read(first, 1), [1])
  const second = client.subscribe('a')
  await confirm(peer, second)
  peer.publish('a', 2)
  t.deepEqual([await read(first, 1), await read(second, 1)], [[2], [2]])
})

test('subscribe: what comes unasked is read by naming it, and nothing is sent for that', async t => {
  const { client, peer } = await scriptedClient(t)
  const everything = client.subscribe('>')
  await confirm(peer, everything)
  const direct = client.subscribe('$CB.to.>')
  const all = client.subscribe('$CB.all')
  await Promise.all([direct.ready, all.ready])
  peer.publish('$CB.to.client.tester', 'direct')
  peer.publish('$CB.all', 'all')
  peer.publish('x', 'plain')
  t.deepEqual([await read(direct, 1), await read(all, 1), await read(everything, 1)], [['direct'], ['all'], ['plain']])
  await direct.unsubscribe()
  await client.publish('next', 1)
  t.is((await peer.next()).subject, 'next')
})

test('subscribe: a refusal reaches ready, the iterator and the error event', async t => {
  const { client, peer } = await scriptedClient(t)
  const problem = nextEvent(client, 'error')
  const subscription = client.subscribe('secret.>')
  const reading = read(subscription, 1)
  peer.refuse(await peer.nextOf(Kind.subscribe), 'permission.denied', { principal: 'p', action: 'subscribe to', subject: 'secret.>' })
  t.is((await t.throwsAsync(subscription.ready, { instanceOf: BrokerError })).code, 'permission.denied')
  t.is((await t.throwsAsync(reading, { instanceOf: BrokerError })).code, 'permission.denied')
  t.is((await problem).code, 'permission.denied')
  t.throws(() => client.subscribe('a.>.b'), { message: /pattern\.invalid/ })
  t.throws(() => client.subscribe('a', { filter: '=' }), { message: /filter\.invalid/ })
})

test('subscribe: leaving the loop unsubscribes', async t => {
  const { client, peer } = await scriptedClient(t)
  const subscription = client.subscribe('a')
  await confirm(peer, subscription)
  peer.publish('a', 1)
  const left = (async () => {
    for await (const message of subscription) return message.value
  })()
  const frame = await peer.nextOf(Kind.unsubscribe)
  t.is(frame.ref, subscription.number)
  peer.ok(frame)
  t.is(await left, 1)
})

test('subscribe: a signal unsubscribes and ends the iterator', async t => {
  const { client, peer } = await scriptedClient(t)
  const controller = new AbortController()
  const subscription = client.subscribe('a', { signal: controller.signal })
  await confirm(peer, subscription)
  const ended = subscription[Symbol.asyncIterator]().next()
  controller.abort()
  peer.ok(await peer.nextOf(Kind.unsubscribe))
  t.true((await ended).done)
})

test('subscribe: drain reads what was sent before the broker stopped', async t => {
  const { client, peer } = await scriptedClient(t)
  const subscription = client.subscribe('a')
  await confirm(peer, subscription)
  peer.publish('a', 1)
  const drained = subscription.drain()
  const frame = await peer.nextOf(Kind.unsubscribe)
  peer.publish('a', 2)
  peer.ok(frame)
  const values: unknown[] = []
  for await (const message of subscription) values.push(message.value)
  await drained
  t.deepEqual(values, [1, 2])
})

test('subscribe: drain waits for handlers that have not finished', async t => {
  const { client, peer } = await scriptedClient(t)
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const order: string[] = []
  const subscription = client.subscribe('a', {
    onMessage: async () => {
      started.resolve()
      await finish.promise
      order.push('handled')
    },
  })
  await confirm(peer, subscription)
  peer.publish('a', 1)
  await started.promise
  const drained = subscription.drain().then(() => order.push('drained'))
  peer.ok(await peer.nextOf(Kind.unsubscribe))
  await settle()
  finish.resolve()
  await drained
  t.deepEqual(order, ['handled', 'drained'])
})

test('subscribe: a signal is left alone once the subscription ended', async t => {
  const { client, peer } = await scriptedClient(t)
  const controller = new AbortController()
  const subscription = client.subscribe('a', { signal: controller.signal })
  await confirm(peer, subscription)
  const ended = subscription.unsubscribe()
  peer.ok(await peer.nextOf(Kind.unsubscribe))
  await ended
  t.is(getEventListeners(controller.signal, 'abort').length, 0)
})

test('subscribe: a reader that is slow stops the socket, loses nothing and never blocks its own requests', async t => {
  const { client, peer } = await scriptedClient(t)
  const subscription = client.subscribe<{ n: number }>('a', { bufferLimit: 4 })
  await confirm(peer, subscription)
  const total = 3000
  const filler = 'x'.repeat(4000)
  for (let n = 0; n < total; n++) peer.publish('a', { n, filler })
  const iterator = subscription[Symbol.asyncIterator]()
  t.is((await iterator.next()).value!.value.n, 0)
  t.true(subscription.unread > 4)
  t.true(subscription.unread < total - 1, `${subscription.unread} messages were read ahead`)
  // The answer stands behind what was not read; the reader waits for it before it reads on.
  const asked = client.request('q', 'hello', { timeoutMs: 60_000 })
  const request = await peer.nextOf(Kind.request)
  peer.answer(request, 'answer')
  for (let n = 1; n < total; n++) if ((await iterator.next()).value!.value.n !== n) return t.fail(`message ${n} is missing`)
  t.is((await asked).value, 'answer')
})

test('subscribe: a handler that throws is an error event, and the next message still comes', async t => {
  const { client, peer } = await scriptedClient(t)
  const problem = nextEvent(client, 'error')
  const seen: unknown[] = []
  const second = Promise.withResolvers<void>()
  const subscription = client.subscribe('a', {
    onMessage: async message => {
      seen.push(message.value)
      if (seen.length === 2) second.resolve()
      throw new Error('broken handler')
    },
  })
  await confirm(peer, subscription)
  peer.publish('a', 1)
  peer.publish('a', 2)
  await second.promise
  t.is((await problem).details['problem'], 'broken handler')
  t.deepEqual(seen, [1, 2])
})
