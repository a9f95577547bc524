// Channels of brokers that are joined by a real NATS server: created and deleted at one, so at all; and what the command says of it.

import type { Client } from '../../client/index.ts'
import { take } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { joinedBroker, joinedBrokers, knows } from '../support/joined-brokers.ts'
import { natsTest, startNatsServer } from '../support/nats-server.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { until } from '../support/until.ts'

async function channels(client: Client): Promise<string[]> {
  const { channels: found } = await client.call('channel.list')
  return found.filter(({ predefined }) => !predefined).map(({ name, mode }) => `${name} ${mode}`).toSorted()
}

async function have(clients: readonly Client[], expected: readonly string[]): Promise<void> {
  for (const client of clients) await until(async () => (await channels(client)).join() === expected.join())
}

natsTest('joined channels: one that is created at a broker is there at all, with its mode, its accounting and its messages', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{}, {}])
  await a!.client.call('channel.create', { name: 'orders', mode: 'pubsub' })
  await have([a!.client, b!.client], ['orders pubsub'])
  t.is(await errorCode(b!.client.call('channel.create', { name: 'orders', mode: 'broadcast' })), 'channel.exists')
  const orders = b!.client.subscribe('orders.>')
  await orders.ready
  await a!.client.publish('orders.new', 7)
  t.is((await take(orders, 1))[0]!.value, 7)
  t.like(await b!.client.call('channel.show', { name: 'orders' }), { accepted: 1, delivered: 1 })
  await b!.client.call('channel.delete', { name: 'orders' })
  await have([a!.client, b!.client], [])
  t.is(await errorCode(a!.client.call('channel.show', { name: 'orders' })), 'channel.not_found')
})

natsTest('joined channels: a broker that was stopped catches up when it starts again, and what it did alone is told', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{}, {}])
  for (const name of ['kept', 'deleted-meanwhile']) await a!.client.call('channel.create', { name })
  await have([b!.client], ['deleted-meanwhile pubsub', 'kept pubsub'])
  const { home } = b!.broker
  await b!.broker.broker.stop()
  await a!.client.call('channel.delete', { name: 'deleted-meanwhile' })
  await a!.client.call('channel.create', { name: 'made-meanwhile', mode: 'broadcast' })
  const again = await joinedBroker(t, [url], { home })
  const client = await again.connect()
  await have([client], ['kept pubsub', 'made-meanwhile broadcast'])
  await knows(client, 1)
  await client.call('channel.delete', { name: 'kept' })
  await have([a!.client, client], ['made-meanwhile broadcast'])
  t.deepEqual((await client.call('status')).bus!.cluster.conflicts, [])
})

natsTest('joined channels: without servers channels are made here, and shared once there are some', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  await server.kill()
  const a = await joinedBroker(t, [server.url], { isReachable: false, bus: { backoff: { initial: '50ms', max: '100ms' } } })
  const client = await a.connect()
  await client.call('channel.create', { name: 'alone' })
  t.deepEqual(await channels(client), ['alone pubsub'])
  await server.start()
  const b = await joinedBroker(t, [server.url])
  await have([await b.connect()], ['alone pubsub'])
})

natsTest('joined channels: status and doctor tell who is there, and what is wrong', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{ config: { channels: [{ name: 'alarm', mode: 'broadcast' }] } }, { bus: { name: 'kitchen' } }])
  const status = await runCallboard(t, ['status'], { home: a!.broker.home })
  t.regex(status.stdout, /cluster +kitchen at \S+; 2 clients there, 0 shared channels, kept on 1 server$/m)
  await b!.client.call('channel.create', { name: 'alarm' })
  await until(async () => (await a!.client.call('status')).bus!.cluster.conflicts.length === 1)
  const doctor = await runCallboard(t, ['doctor'], { home: a!.broker.home })
  t.regex(doctor.stdout, /knows 1 other broker; clients, channels and leases are kept on 1 server/)
  t.regex(doctor.stdout, /channel alarm is broadcast here and pubsub at other brokers/)
  t.deepEqual(await channels(a!.client), ['alarm broadcast'], 'what the configuration says holds')
})
