// What a message may ask for, and how subscribers choose, across the NATS protocol: time to live, receipts, filters,
// broadcasts, addresses, methods of the broker.

import { headers } from '@nats-io/transport-node'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../client/index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { take, values } from '../support/collect.ts'
import { connectNats, subscribeNats, takeNats } from '../support/nats-client.ts'
import { NatsPeer } from '../support/nats-peer.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024

const plain = (t: ExecutionContext, broker: LocalBroker, options: object = {}): ReturnType<typeof connectNats> => connectNats(t, broker.nats, { user: 'owner', pass: broker.token, ...options })

function json(more: Readonly<Record<string, string>> = {}): ReturnType<typeof headers> {
  const sent = headers()
  for (const [name, value] of Object.entries({ 'Content-Type': 'application/json', ...more })) sent.set(name, value)
  return sent
}

/** A NATS client that has subscribed and does not read, with as much waiting for it as its kernel does not take. */
async function stuckOn(t: ExecutionContext, broker: LocalBroker, subject: string): Promise<NatsPeer> {
  const peer = await NatsPeer.join(t, broker)
  peer.say(`SUB ${subject} 1\r\n`)
  await peer.ping()
  peer.socket.pause()
  const filler = await broker.connect()
  while ((await pendingOf(broker, peer)) < MIB) await filler.publish(subject, new Uint8Array(MIB / 2), { receipt: true })
  await filler.close()
  return peer
}

async function pendingOf(broker: LocalBroker, { info }: NatsPeer): Promise<number> {
  const watch = await broker.connect()
  const { connections } = await watch.call('connections', { id: `conn-${String(info['client_id'])}` })
  await watch.close()
  return connections[0]!.out.pendingBytes
}

test('nats options: what waits longer than its time to live is dropped as expired, whichever side sent it', async t => {
  const broker = await startBroker(t)
  const [stuck, client, other] = [await stuckOn(t, broker, 'late'), await broker.connect(), await plain(t, broker)]
  await client.publish('late', 'worthless soon', { ttlMs: 1, receipt: true })
  other.publish('late', 'as well', { headers: json({ 'Callboard-TTL': '1' }) })
  await other.flush()
  await until(async () => ((await client.call('stats')).dropped['expired'] ?? 0) === 2)
  stuck.socket.resume()
  client.publish('late', 'the end').catch(() => {})
  const rest = await stuck.upTo('the end\r\n')
  t.false(rest.includes('worthless') || rest.includes('as well'))
  t.true((await client.call('stats')).balanced)
})

test('nats options: a receipt of delivery knows what became of a message at NATS clients', async t => {
  const broker = await startBroker(t)
  const client = await broker.connect()
  t.deepEqual(await client.publish('told', 1, { receipt: 'delivered' }), { receivers: 0, written: 0, dropped: { 'no-interest': 1 } })
  const other = await plain(t, broker)
  await subscribeNats(other, 'told')
  await subscribeNats(other, 'told.>')
  await subscribeNats(await plain(t, broker), '>')
  t.deepEqual(await client.publish('told', 1, { receipt: 'delivered' }), { receivers: 2, written: 2, dropped: {} })
})

test('nats options: filters of native subscribers look into messages of NATS clients', async t => {
  const broker = await startBroker(t)
  const [client, other] = [await broker.connect(), await plain(t, broker, { name: 'station' })]
  const hot = client.subscribe('weather', { filter: 'celsius>30' })
  // Of several filters on one connection, the client applies those that it can: each has one of its own.
  const noted = (await broker.connect()).subscribe('weather', { filter: '#X-Note=yes' })
  const own = (await broker.connect()).subscribe('weather', { filter: `@sender=station-${other.info!.client_id}` })
  await Promise.all([hot.ready, noted.ready, own.ready])
  for (const celsius of [20, 31]) other.publish('weather', JSON.stringify({ celsius }), { headers: json() })
  other.publish('weather', JSON.stringify({ celsius: 0 }), { headers: json({ 'X-Note': 'yes' }) })
  // Before what comes by another connection.
  await other.flush()
  await client.publish('weather', { celsius: 40 }, { receipt: true })
  other.publish('weather', 'no JSON, so nothing can be compared')
  other.publish('weather', JSON.stringify({ celsius: 99 }), { headers: json() })
  await other.flush()
  t.deepEqual(await values(hot, 3), [31, 40, 99].map(celsius => ({ celsius })))
  t.deepEqual(await values(noted, 1), [{ celsius: 0 }])
  t.is((await take(own, 5)).length, 5)
})

test('nats options: a broadcast reaches NATS clients that subscribed to it, and theirs reaches everybody else', async t => {
  const broker = await startBroker(t, { config: { channels: [{ name: 'alarm', mode: 'broadcast' }] } })
  const [client, other, silent] = [await broker.connect(), await plain(t, broker), await plain(t, broker)]
  const [heard, all] = [await subscribeNats(other, 'alarm.>'), await subscribeNats(other, '$CB.all')]
  const got = client.subscribe('alarm.fire')
  await got.ready
  t.deepEqual(await client.publish('alarm.fire', 'run', { receipt: true }), { receivers: 2 })
  t.is((await takeNats(heard, 1))[0]!.subject, 'alarm.fire')
  t.deepEqual(await client.broadcast('to all'), { receivers: 1 })
  t.is((await takeNats(all, 1))[0]!.string(), 'to all')
  silent.publish('alarm.fire', '"help"', { headers: json() })
  await silent.flush()
  t.deepEqual(await values(got, 2), ['run', 'help'])
  t.is((await takeNats(heard, 1))[0]!.string(), '"help"')
})

test('nats options: a NATS client is written to by its id, and nobody else may listen there', async t => {
  const broker = await startBroker(t)
  const [client, other] = [await broker.connect(), await plain(t, broker, { name: 'my app' })]
  const id = `my-app-${other.info!.client_id}`
  const mine = await subscribeNats(other, `$CB.to.client.${id}`)
  t.deepEqual(await client.publish(`$CB.to.client.${id}`, 'for you', { receipt: true }), { receivers: 1 })
  t.is((await takeNats(mine, 1))[0]!.string(), 'for you')
  const answer = client.request(`$CB.to.client.${id}`, 'and back?')
  const [asked] = await takeNats(mine, 1)
  asked!.respond('yes')
  t.is(new TextDecoder().decode((await answer).payload), 'yes')
  const peer = await NatsPeer.join(t, broker)
  peer.say(`SUB $CB.to.client.${id} 1\r\nSUB $CB.> 2\r\nSUB $CB.to.*.* 3\r\nSUB $CB.reply.> 4\r\n`)
  t.is((await peer.ping()).match(/Permissions Violation for Subscription/g)?.length, 4)
  // And it writes to whom it knows.
  const got = client.subscribe('$CB.to.>')
  other.publish(`$CB.to.client.${client.welcome.client}`, '"hello"', { headers: json() })
  t.deepEqual(await values(got, 1), ['hello'])
})

test('nats options: methods of the broker are requests in JSON', async t => {
  const broker = await startBroker(t, { config: { principals: [{ name: 'guest', token: 'a-token-of-the-guest' }] } })
  const other = await plain(t, broker)
  const status = (await other.request('$CB.api.status')).json<{ nats: string; phase: string }>()
  t.like(status, { nats: broker.nats, phase: 'run' })
  const { connections } = (await other.request('$CB.api.connections', JSON.stringify({ id: `conn-${other.info!.client_id}` }))).json<{ connections: object[] }>()
  t.like(connections[0], { principal: 'owner', dialect: 'nats', subscriptions: 1 })
  const guest = await connectNats(t, broker.nats, { user: 'guest', pass: 'a-token-of-the-guest' })
  const refused = await guest.request('$CB.api.connection.kill', JSON.stringify({ id: `conn-${other.info!.client_id}` }))
  t.is(refused.headers!.get('Callboard-Error'), 'permission.denied')
  t.is(new BrokerError('permission.denied').code, refused.json<{ code: 'permission.denied' }>().code)
  t.false(other.isClosed())
})

for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
  test(`nats options: a channel's overflow policy ${overflow} holds for NATS clients that do not read`, async t => {
    const broker = await startBroker(t, { config: { channels: [{ name: 'flood', overflow, maxPendingBytes: '1mb' }] } })
    const [client, other] = [await broker.connect(), await plain(t, broker)]
    const stuck = await NatsPeer.join(t, broker)
    stuck.say('SUB flood 1\r\n')
    await stuck.ping()
    stuck.socket.pause()
    const payload = new Uint8Array(64 * 1024)
    for (let i = 0; i < 400; i++) {
      if (i % 2 === 0) await client.publish('flood', payload, { receipt: true })
      else other.publish('flood', payload)
    }
    await other.flush()
    const { channels, balanced, dropped } = await client.call('stats')
    t.true(balanced)
    t.true(dropped['overflow']! > 50, JSON.stringify(dropped))
    t.like(channels.find(({ name }) => name === 'flood'), { accepted: 400, dropped: { overflow: dropped['overflow'] } })
    stuck.socket.resume()
    const got = (await stuck.ping()).match(/^H?MSG flood/gm)!.length
    t.is(got + dropped['overflow']!, 400)
  })
}
