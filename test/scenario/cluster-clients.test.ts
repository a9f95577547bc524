// Clients of brokers that are joined by a real NATS server with JetStream: found wherever they are, one of each name.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../client/index.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { startBrokerProcess } from '../support/broker.ts'
import { take, values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { joinedBroker, joinedBrokers, knows } from '../support/joined-brokers.ts'
import { connectNats } from '../support/nats-client.ts'
import { natsTest, startNatsServer } from '../support/nats-server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const three = [{}, {}, {}]

/** Waits until a broker knows so many clients at so many others, beside the two of the test itself at each. */
async function sees(client: Client, others: number, clients: number): Promise<void> {
  await until(async () => (await client.call('status')).bus?.cluster.clients === 2 * others + clients)
}

/** Resolves once a message to the address goes somewhere. */
async function reaches(client: Client, address: string): Promise<void> {
  await knows(client, 1)
  await until(async () => (await client.publish(address, 'probe', { receipt: true })).receivers === 1)
}

natsTest('joined clients: one is reached at any broker, by id, agent name and session, and by nobody else heard', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b, c] = await joinedBrokers(t, [url], three)
  const lamp = await b!.broker.connect({ clientId: 'lamp-1', agent: 'lamp' })
  const heard = lamp.subscribe('$CB.to.>')
  const bystander = c!.client.subscribe('$CB.to.>')
  await sees(a!.client, 2, 1)
  const addresses = ['$CB.to.client.lamp-1', '$CB.to.agent.lamp', `$CB.to.session.${lamp.welcome.session}`]
  for (const address of addresses) t.deepEqual(await a!.client.publish(address, address, { receipt: true }), { receivers: 1 })
  t.deepEqual(await values(heard, 3), addresses)
  t.is((await take(heard, 0)).length, 0)
  t.is(bystander.unread, 0)
  t.deepEqual(await a!.client.publish('$CB.to.client.nobody', 1, { receipt: true }), { receivers: 0 }, 'known to be nowhere')
  await lamp.close()
  await sees(a!.client, 2, 0)
  t.deepEqual(await a!.client.publish(addresses[0]!, 1, { receipt: true }), { receivers: 0 })
  for (const { client } of [a!, b!, c!]) t.true((await client.call('stats')).balanced)
})

natsTest('joined clients: a request to a client of another broker is answered by it, and one to nobody fails at once', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{}, {}])
  const oracle = await b!.broker.connect({ clientId: 'oracle' })
  oracle.subscribe('$CB.to.>', { onMessage: message => message.respond(`not ${String(message.value)}`) })
  await sees(a!.client, 1, 1)
  t.is((await a!.client.request('$CB.to.client.oracle', 42)).value, 'not 42')
  const askedAt = performance.now()
  t.is(await errorCode(a!.client.request('$CB.to.client.nobody', 1, { timeoutMs: 60_000 })), 'request.no_responders')
  t.true(performance.now() - askedAt < 30_000)
})

natsTest('joined clients: a broadcast, and a channel of mode broadcast, reach every client of every broker once', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b, c] = await joinedBrokers(t, [url], three)
  const others = await Promise.all([a!, b!, b!, c!].map(async ({ broker }) => (await broker.connect()).subscribe('$CB.all')))
  const silent = await c!.broker.native()
  await a!.client.broadcast({ content: 'fire' })
  for (const subscription of others) t.deepEqual(await values(subscription, 1), [{ content: 'fire' }])
  t.is((await silent.nextOf(Kind.publish)).subject, '$CB.all')
  await a!.client.call('channel.create', { name: 'alarm', mode: 'broadcast' })
  await until(async () => (await c!.client.call('channel.list')).channels.some(({ name, mode }) => name === 'alarm' && mode === 'broadcast'))
  const listeners = [...others]
  await until(async () => (await b!.client.call('status')).bus!.patterns >= 2 && (await c!.client.call('status')).bus!.patterns >= 2)
  await a!.client.publish('alarm.kitchen', 'smoke')
  t.is((await silent.nextOf(Kind.publish)).subject, 'alarm.kitchen')
  // Once: what comes next is the marker.
  await a!.client.broadcast('marker')
  for (const subscription of listeners) t.deepEqual(await values(subscription, 1), ['marker'])
  t.is((await silent.nextOf(Kind.publish)).subject, '$CB.all')
})

natsTest('joined clients: the same id at another broker takes the session over; another principal is refused there', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const principals = [{ name: 'stranger', token: 'a-token-for-the-stranger' }]
  const [a, b] = await joinedBrokers(t, [url], [{ config: { principals } }, { config: { principals } }])
  const older = await a!.broker.connect({ clientId: 'desk' })
  const ended = older.closed
  await sees(b!.client, 1, 1)
  t.is(await errorCode(b!.broker.connect({ clientId: 'desk', principal: 'stranger', token: 'a-token-for-the-stranger' })), 'session.id_taken')
  const newer = await b!.broker.connect({ clientId: 'desk' })
  t.is((await ended)?.code, 'session.taken_over')
  await sees(a!.client, 1, 1)
  const heard = newer.subscribe('$CB.to.>')
  await reaches(a!.client, '$CB.to.client.desk')
  t.is((await take(heard, 1))[0]!.subject, '$CB.to.client.desk')
})

natsTest('joined clients: those who choose no id have different ones at every broker', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const brokers = await joinedBrokers(t, [url], three)
  const names = (await Promise.all(brokers.map(({ client }) => client.call('connections')))).flatMap(({ connections }) => connections.map(each => each.client)).filter(name => name !== 'bus.nats')
  t.is(new Set(names).size, names.length)
  for (const { broker, client } of brokers) t.true(client.id.endsWith(`-${client.welcome.broker}`), `${client.id} at ${broker.home}`)
})

natsTest('joined clients: where the broker of a client ends, nobody is looked for there any more', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{}, {}])
  await b!.broker.connect({ clientId: 'lamp-1' })
  await sees(a!.client, 1, 1)
  await b!.broker.broker.stop()
  await knows(a!.client, 0)
  t.deepEqual(await a!.client.publish('$CB.to.client.lamp-1', 1, { receipt: true }), { receivers: 0 })
})

natsTest('joined clients: without JetStream a client is still reached, by asking all brokers, and status says so', async t => {
  const { url } = await startNatsServer(t)
  const [a, b, c] = await Promise.all(three.map(each => joinedBroker(t, [url], each)))
  const [client, lamp] = [await a!.connect(), await b!.connect({ clientId: 'lamp-1' })]
  await c!.connect()
  const heard = lamp.subscribe('$CB.to.>', { onMessage: message => message.respond('yes') })
  await heard.ready
  t.is((await client.request('$CB.to.client.lamp-1', 'there?')).value, 'yes')
  await until(async () => /JetStream|jetstream/.test((await client.call('status')).bus?.cluster.problem ?? ''))
  t.is(await errorCode(client.request('$CB.to.client.nobody', 1, { timeoutMs: 300 })), 'request.timeout', 'nobody can know that it is nowhere')
})

natsTest('joined clients: a plain NATS client reaches them by their addresses', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [a, b] = await joinedBrokers(t, [url], [{}, {}])
  const lamp = await b!.broker.connect({ clientId: 'lamp-1' })
  lamp.subscribe('$CB.to.>', { onMessage: message => message.respond('on') })
  await sees(a!.client, 1, 1)
  const plain = await connectNats(t, url)
  t.is((await plain.request('$CB.to.client.lamp-1', 'state?', { timeout: 60_000 })).string(), 'on')
})

natsTest('joined clients: of a broker that was killed nobody is looked for any more after its time, and its next start has its clients again', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const a = await joinedBroker(t, [url])
  const client = await a.connect()
  const b = await startBrokerProcess(t, { config: { bus: { nats: { servers: [url] } } } })
  await b.connect({ clientId: 'lamp-1' })
  await reaches(client, '$CB.to.client.lamp-1')
  const killedAt = performance.now()
  await b.end('SIGKILL')
  await knows(client, 0)
  t.deepEqual(await client.publish('$CB.to.client.lamp-1', 1, { receipt: true }), { receivers: 0 })
  // Ten seconds without a sign of life, and one look every three.
  const goneMs = performance.now() - killedAt
  t.true(goneMs > 5000 && goneMs < 30_000, `${goneMs} ms`)
  const again = await startBrokerProcess(t, { home: b.home })
  const lamp = await again.connect({ clientId: 'lamp-1' })
  await lamp.subscribe('$CB.to.>', { onMessage: message => message.respond('on') }).ready
  await reaches(client, '$CB.to.client.lamp-1')
  t.is((await client.request('$CB.to.client.lamp-1', 'state?', { timeoutMs: 60_000 })).value, 'on')
})

natsTest('joined clients: a NATS user who may do just what docs/cluster-state.md lists is enough, and nobody else reaches the buckets', async t => {
  const documented = /```json permissions\n(.*?)```/s.exec(readFileSync(new URL('../../docs/cluster-state.md', import.meta.url), 'utf8'))![1]!
  const { broker, others } = JSON.parse(documented) as { broker: object; others: object }
  const users = [{ user: 'broker', password: 'secret', permissions: broker }, { user: 'plain', password: 'secret', permissions: others }]
  const server = await startNatsServer(t, { jetStream: true, config: { authorization: { users } } })
  const credentials = join(temporaryDirectory(t), 'credentials')
  writeFileSync(credentials, 'broker:secret\n', { mode: 0o600 })
  const options = { bus: { credentials, subjects: ['shared.>'] } }
  const [a, b] = await joinedBrokers(t, [server.url], [options, options])
  const lamp = await b!.broker.connect({ clientId: 'lamp-1' })
  lamp.subscribe('$CB.to.>', { onMessage: message => message.respond('on') })
  await sees(a!.client, 1, 1)
  t.is((await a!.client.request('$CB.to.client.lamp-1')).value, 'on')
  const heard = b!.client.subscribe('shared.>')
  await heard.ready
  await a!.client.publish('shared.x', 1)
  t.deepEqual(await values(heard, 1), [1])
  await a!.client.call('channel.create', { name: 'c' })
  await until(async () => (await b!.client.call('channel.list')).channels.some(({ name }) => name === 'c'))
  const plain = await connectNats(t, server.url, { user: 'plain', pass: 'secret' })
  const refusals: string[] = []
  void (async () => {
    for await (const { type, error } of plain.status() as AsyncIterable<{ type: string; error?: Error }>) if (type === 'error') refusals.push(error!.message)
  })()
  const forbidden = ['$KV.callboard_channels.c', '$CB.to.client.lamp-1', `$CB.bus.${b!.client.welcome.broker}.to.client.lamp-1`, '$JS.API.STREAM.DELETE.KV_callboard_leases']
  for (const subject of forbidden) plain.publish(subject, 'x')
  await until(() => refusals.length === forbidden.length)
  for (const [i, subject] of forbidden.entries()) t.true(refusals[i]!.includes(subject), refusals[i])
})

natsTest('joined clients: agents of one name at every broker run side by side, and each broker\'s own is the one that is asked', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const agents = [{ name: 'lamp', command: 'node', args: [join(import.meta.dirname, '../support/obedient-agent.ts')] }]
  const [a, b, c] = await joinedBrokers(t, [url], [{ config: { agents } }, { config: { agents } }, {}])
  const pidOf = async (client: Client): Promise<unknown> => (await client.request('$CB.to.agent.lamp', { do: 'pid' }, { timeoutMs: 20_000 })).value
  for (const { client } of [a!, b!]) await until(async () => (await errorCode(pidOf(client))) === 'resolved')
  await sees(c!.client, 2, 2)
  const [first, second] = [await pidOf(a!.client), await pidOf(b!.client)]
  t.not(first, second)
  t.true([first, second].includes(await pidOf(c!.client)))
  for (const { client } of [a!, b!]) t.like((await client.call('agents')).agents[0], { phase: 'run', restarts: 0 })
})
