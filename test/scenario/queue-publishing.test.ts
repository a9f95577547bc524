// What is published to a queue is kept: over receipts, restarts, deletions, and in JetStream's words for NATS clients.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { jetstream, JetStreamApiError } from '@nats-io/jetstream'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { connectNats } from '../support/nats-client.ts'

const config = { queue: { backend: 'embedded' }, channels: [{ name: 'jobs', mode: 'queue', queue: { durability: 'os' } }] }

test('queue publishing: a created queue keeps its messages, settings and positions over a restart', async t => {
  const first = await startBroker(t)
  t.false(readdirSync(first.home).includes('store'), 'a broker without queues has no store')
  const client = await first.connect()
  await client.channels.create({ name: 'jobs', mode: 'queue', queue: { durability: 'os', maxMessages: 3 } })
  t.deepEqual(await client.publish('jobs.mail', 1, { receipt: true }), { receivers: 1, stored: { queue: 'jobs', position: 1, isDuplicate: false } })
  // Accepted, and on its way to the disk perhaps, when the broker is asked to stop.
  await client.publish('jobs', 2)
  await client.call('ping', {})
  await first.broker.stop()

  const second = await startBroker(t, { home: first.home })
  const again = await second.connect()
  t.like(await again.channels.show('jobs'), { mode: 'queue' })
  t.like(await again.call('queue.show', { name: 'jobs' }), { counts: { ready: 2 }, settings: { maxMessages: 3, durability: 'os' } })
  t.is((await again.publish('jobs', 3, { receipt: true })).stored!.position, 3)
  t.is(await errorCode(again.publish('jobs', 4, { receipt: true })), 'queue.full')
  const stats = await again.call('stats', {})
  t.like(stats, { balanced: true, stored: 1, dropped: { 'not-stored': 1 } })
})

test('queue publishing: a queue that holds messages is deleted by force alone, and its messages with it', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect()
  const create = { name: 'jobs', mode: 'queue', queue: { durability: 'os' } } as const
  await client.channels.create(create)
  await client.channels.delete('jobs')
  await client.channels.create(create)
  await client.publish('jobs', 1, { receipt: true })
  t.is(await errorCode(client.channels.delete('jobs')), 'queue.not_empty')
  t.is((await client.publish('jobs', 2, { receipt: true })).stored!.position, 2)
  await client.channels.delete('jobs', { force: true })
  t.deepEqual(await client.publish('jobs', 3, { receipt: true }), { receivers: 0 })
  await client.channels.create(create)
  t.like(await client.call('queue.show', { name: 'jobs' }), { counts: { ready: 0 } })
})

test('queue publishing: js.publish() of the NATS library is answered when the message is stored', async t => {
  const broker = await startBroker(t, { config: { ...config, deduplication: { enabled: true } } })
  const nats = await connectNats(t, broker.nats, { token: broker.token })
  const js = jetstream(nats)
  t.like(await js.publish('jobs.a', 'one', { msgID: 'm1' }), { stream: 'jobs', seq: 1, duplicate: false })
  t.like(await js.publish('jobs.a', 'one', { msgID: 'm1' }), { stream: 'jobs', seq: 1, duplicate: true })
  t.like(await Promise.all([2, 3].map(n => js.publish('jobs', String(n)))), [{ seq: 2 }, { seq: 3 }])
  const error = await t.throwsAsync(js.publish('jobs', 'x', { expect: { lastSequence: 9 } }), { instanceOf: JetStreamApiError })
  t.regex(error.message, /does not check|do not check/)
  const client = await broker.connect()
  t.like(await client.call('queue.show', { name: 'jobs' }), { counts: { ready: 3 } })
})

test('queue publishing: a store that cannot be opened ends the start by name', async t => {
  const broker = await startBroker(t, { config })
  t.true(readdirSync(broker.home).includes('store'))
  const error = await t.throwsAsync(startBroker(t, { config: { ...config, store: { embedded: { path: join(broker.home, 'store') } } } }))
  t.regex(String(error), /store\.in_use/)
})
