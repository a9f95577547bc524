import test from 'ava'
import { startBroker } from '../support/broker.ts'
import { values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'

const AGENT_TOKEN = 'a-token-for-the-agent'

test('channels: to events and status agents publish and clients do not; the other three serve both', async t => {
  const broker = await startBroker(t, { config: { principals: [{ name: 'meter', roles: ['agent'], token: AGENT_TOKEN }] } })
  const [client, agent] = await Promise.all([broker.connect(), broker.connect({ principal: 'meter', token: AGENT_TOKEN })])
  for (const channel of ['events', 'status']) {
    const heard = client.subscribe(`${channel}.>`)
    await heard.ready
    for (const subject of [channel, `${channel}.cpu`]) t.is(await errorCode(client.publish(subject, 1, { receipt: true })), 'channel.direction')
    t.deepEqual(await agent.publish(`${channel}.cpu`, 0.5, { receipt: true }), { receivers: 1 })
    t.deepEqual(await values(heard, 1), [0.5])
  }
  for (const channel of ['command', 'agent', 'gateway']) {
    t.deepEqual(await client.publish(channel, 1, { receipt: true }), { receivers: 0 })
    t.deepEqual(await agent.publish(channel, 1, { receipt: true }), { receivers: 0 })
  }
})

test('channels: created ones outlast the broker, deleted ones do not', async t => {
  const first = await startBroker(t)
  const client = await first.connect()
  const created = await client.channels.create({ name: 'custom', mode: 'pubsub' })
  await client.channels.create({ name: 'gone' })
  await client.channels.create({ name: 'loud.alarm', mode: 'broadcast' })
  t.like(created, { name: 'custom', mode: 'pubsub', predefined: false, direction: 'both', accepted: 0 })
  t.is(await errorCode(client.channels.create({ name: 'custom' })), 'channel.exists')
  t.is(await errorCode(client.channels.create({ name: 'two words' })), 'channel.invalid')
  await client.channels.delete('gone')
  await first.broker.stop()

  const second = await startBroker(t, { home: first.home })
  const other = await second.connect()
  const channels = await other.channels.list()
  t.deepEqual(channels.map(({ name }) => name).sort(), ['agent', 'command', 'custom', 'events', 'gateway', 'loud.alarm', 'status'])
  t.like(await other.channels.show('custom'), { mode: 'pubsub', createdAt: created.createdAt })
  t.is((await other.channels.show('loud.alarm')).mode, 'broadcast')
  t.is(await errorCode(other.channels.show('gone')), 'channel.not_found')
  t.is(await errorCode(other.channels.delete('events')), 'channel.predefined')
})

test('channels: each counts what passes through it, the longest name wins', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect()
  await client.channels.create({ name: 'shop' })
  await client.channels.create({ name: 'shop.orders' })
  await client.subscribe('shop.>').ready
  for (const subject of ['shop', 'shop.window', 'shop.orders', 'shop.orders.new', 'shop.ordersX']) await client.publish(subject, 1, { receipt: true })
  t.like(await client.channels.show('shop'), { accepted: 3, dropped: 1, subscribers: 1 })
  t.like(await client.channels.show('shop.orders'), { accepted: 2, dropped: 0, subscribers: 1 })
})

test('channels: a script that names one that is not there is told so', async t => {
  const broker = await startBroker(t)
  const script = await broker.json()
  for (const type of ['event', 'subscribe', 'request']) {
    script.say({ id: type, type, channel: 'nowhere', payload: 1 })
    t.like(await script.nextOf('error'), { ref: type, payload: { code: 'channel.not_found' } })
  }
})

test('channels: only an admin creates and deletes them', async t => {
  const broker = await startBroker(t, { config: { principals: [{ name: 'guest', token: 'a-token-for-guests' }] } })
  const guest = await broker.connect({ principal: 'guest', token: 'a-token-for-guests' })
  t.is(await errorCode(guest.channels.create({ name: 'mine' })), 'permission.denied')
  t.is(await errorCode(guest.channels.delete('events')), 'permission.denied')
  t.is((await guest.channels.list()).length, 5)
})
