// The monitoring endpoints as dashboards read them, on the gateway's port and on one of their own.

import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import test from 'ava'
import { createBroker, defaultSettings, type Settings } from '../../index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { httpGet, type HttpAnswer } from '../support/http-get.ts'
import { connectNats, connectNatsWebSocket } from '../support/nats-client.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

interface Connz {
  readonly num_connections: number
  readonly total: number
  readonly connections: readonly Record<string, unknown>[]
}

const base = ({ gateway }: LocalBroker): string => gateway.replace('ws:', 'http:').replace(/\/$/, '')
const basic = (name: string, token: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${name}:${token}`).toString('base64')}` })
const PATHS = ['/varz', '/connz', '/subsz', '/subscriptionsz', '/accountz', '/accstatz', '/routez', '/gatewayz', '/leafz', '/jsz', '/healthz']

function reader(local: LocalBroker): (page: string, headers?: Record<string, string>) => Promise<HttpAnswer> {
  return (page, headers) => httpGet(`${base(local)}${page}`, headers)
}

test('monitoring: what each connection did is what it is told to have done', async t => {
  const local = await startBroker(t)
  const get = reader(local)
  const [client, subscriber] = await Promise.all([local.connect({ clientId: 'writer' }), local.native({ client: 'reader' })])
  await subscriber.subscribe(1, 'weather.>')
  await subscriber.subscribe(2, 'news.*', { group: 'desk' })
  for (let i = 0; i < 5; i++) await client.publish('weather.berlin', 'rain', { receipt: true })
  for (let i = 0; i < 5; i++) await subscriber.next()
  const connz = (await get('/connz?subs=detail&auth=1')).json() as Connz
  t.like(connz, { num_connections: 2, total: 2 })
  const of = (name: string): Record<string, unknown> => connz.connections.find(one => one['name'] === name)!
  t.like(of('writer'), { kind: 'Client', type: 'callboard', ip: 'unix', port: 0, in_msgs: 5, out_msgs: 0, subscriptions: 0, authorized_user: 'owner', pending_bytes: 0 })
  t.like(of('reader'), { out_msgs: 5, in_msgs: 0, subscriptions: 2 })
  const { cid } = of('reader')
  t.deepEqual(of('reader')['subscriptions_list_detail'], [{ subject: 'weather.>', sid: '1', cid }, { subject: 'news.*', qgroup: 'desk', sid: '2', cid }])
  t.like((await get('/varz')).json(), { in_msgs: 5, out_msgs: 5, connections: 2, total_connections: 2, subscriptions: 2, slow_consumers: 0, http_req_stats: { '/connz': 1, '/varz': 1 } })
  t.like(((await get('/accstatz')).json() as { account_statz: object[] }).account_statz[0], { acc: '$G', conns: 2, sent: { msgs: 5 }, received: { msgs: 5 } })
})

test('monitoring: a connection that is gone is found among the closed, with the reason, and what it moved stays counted', async t => {
  const local = await startBroker(t)
  const get = reader(local)
  const [leaver, killed, stays] = await Promise.all([local.connect({ clientId: 'leaver' }), local.native({ client: 'killed' }), local.connect({ clientId: 'stays' })])
  await killed.subscribe(1, 'weather.>')
  await leaver.publish('weather.berlin', 'rain', { receipt: true })
  await leaver.close()
  await stays.request('$CB.api.connection.kill', { id: 'killed' })
  await killed.closed
  const closed = async (): Promise<Connz['connections']> => ((await get('/connz?state=closed&subs=1&sort=stop')).json() as Connz).connections
  await until(async () => (await closed()).length === 2)
  const found = await closed()
  t.like(found.find(({ name }) => name === 'leaver'), { reason: 'Client Closed', in_msgs: 1 })
  t.like(found.find(({ name }) => name === 'killed'), { reason: 'Ended by Operator', subscriptions: 1, subscriptions_list: ['weather.>'] })
  // The request that killed is a message too.
  t.like((await get('/varz')).json(), { in_msgs: 2, connections: 1, total_connections: 3, subscriptions: 0 })
  t.like((await get('/connz?state=any')).json(), { total: 3 })
})

test('monitoring: the subscriptions that a subject reaches', async t => {
  const local = await startBroker(t)
  const get = reader(local)
  const peer = await local.native()
  await peer.subscribe(1, 'weather.*')
  await peer.subscribe(2, 'weather.>', { group: 'desk' })
  await peer.subscribe(3, 'news')
  const subjects = async (page: string): Promise<string[] | undefined> => ((await get(page)).json() as { subscriptions_list?: { subject: string }[] }).subscriptions_list?.map(({ subject }) => subject)
  t.deepEqual(await subjects('/subsz?subs=1'), ['weather.*', 'weather.>', 'news'])
  t.deepEqual(await subjects('/subsz?subs=1&limit=1&offset=1'), ['weather.>'])
  t.deepEqual((await subjects('/subsz?subs=1&test=weather.berlin'))?.toSorted(), ['weather.*', 'weather.>'])
  t.is(await subjects('/subsz?subs=1&test=sport'), undefined)
  t.like((await get('/subsz')).json(), { num_subscriptions: 3, num_inserts: 3, num_removes: 0 })
  t.like(await get('/subsz?subs=1&test=weather..berlin'), { status: 400, type: 'text/plain; charset=utf-8', body: 'invalid test subject, must be valid publish subject: weather..berlin' })
  peer.socket.destroy()
  await until(async () => ((await get('/subsz')).json() as { num_removes: number }).num_removes === 3)
})

test('monitoring: round trips are known once somebody asked for them', async t => {
  const local = await startBroker(t)
  await local.connect({ heartbeat: true })
  await until(async () => ((await reader(local)('/connz')).json() as Connz).connections[0]?.['rtt'] !== '0s')
  t.pass()
})

test('monitoring: a wrong parameter is refused, and a wrong path is not there', async t => {
  const local = await startBroker(t)
  const get = reader(local)
  t.like(await get('/connz?sort=bad'), { status: 400, type: 'text/plain; charset=utf-8', body: 'invalid sorting option: bad' })
  t.like(await get('/accountz?acc=nobody'), { status: 400, body: 'Account nobody does not exist' })
  t.is((await get('/stacksz')).status, 404)
  t.is((await httpGet(`${base(local)}/varz`, {}, 'POST')).status, 405)
  t.is((await get('/connz?token=x')).status, 400, 'a credential in a URL is refused as ever')
})

test('monitoring: on the gateway programs of this host read, others need the token of an administrator', async t => {
  const config = { principals: [{ name: 'chief', roles: ['admin'], token: 'a-token-of-its-own' }, { name: 'guest', token: 'another-token-here' }] }
  const local = await startBroker(t, { config })
  const get = reader(local)
  const far = { 'x-forwarded-for': '192.0.2.7' }
  for (const path of PATHS.filter(one => one !== '/healthz')) {
    t.is((await get(path)).status, 200, path)
    t.is((await get(path, far)).status, 401, path)
    t.is((await get(path, { origin: 'https://evil.example' })).status, 403, path)
  }
  t.is((await get('/healthz', far)).status, 200)
  t.is((await get('/varz', { ...far, ...basic('chief', 'a-token-of-its-own') })).status, 200)
  t.is((await get('/varz', { ...far, authorization: `Bearer ${local.token}` })).status, 200)
  t.is((await get('/varz', { ...far, ...basic('guest', 'another-token-here') })).status, 401, 'no administrator')
  t.is((await get('/varz', basic('chief', 'wrong'))).status, 401)
})

test('monitoring: no secret stands in any answer', async t => {
  const token = 'a-token-that-nobody-must-see'
  const local = await startBroker(t, { config: { principals: [{ name: 'chief', roles: ['admin'], token }] } })
  const client = await local.native({ principal: 'chief', auth: { token } })
  await client.subscribe(1, 'weather.>')
  for (const path of [...PATHS, '/connz?auth=1&subs=detail&state=any', '/subsz?subs=1', '/accountz?acc=$G']) {
    const { body } = await reader(local)(path)
    t.false(body.includes(token), path)
    t.false(body.includes(local.token), path)
  }
})

async function withMonitor(t: Teardown, monitor: Settings['nats']['monitor']): Promise<string> {
  const { gateway, nats, ...others } = defaultSettings
  const broker = await createBroker({ home: temporaryDirectory(t), log: recordedLog(), settings: { ...others, gateway: { ...gateway, port: 0 }, nats: { ...nats, port: 0, monitor } } })
  t.teardown(() => broker.stop())
  return broker.monitorAddress!
}

test('monitoring: a port of its own has all of it, and an index', async t => {
  const url = await withMonitor(t, { host: '127.0.0.1', port: 0 })
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const index = await httpGet(url)
  t.is(index.type, 'text/html; charset=utf-8')
  for (const path of PATHS) {
    t.true(index.body.includes(`".${path}"`), path)
    t.is((await httpGet(new URL(path, url).href)).status, 200, path)
  }
  t.deepEqual((await httpGet(`${url}healthz`)).json(), { status: 'ok' })
  t.like((await httpGet(`${url}varz`)).json(), { http_host: '127.0.0.1', http_port: Number(new URL(url).port), http_req_stats: { '/': 1, '/healthz': 2, '/varz': 2, '/subsz': 2 } })
  t.like(await httpGet(`${url}nothing`), { status: 404, body: '404 page not found\n' })
  t.is((await httpGet(url, {}, 'DELETE')).status, 405)
  t.is((await httpGet(url, { host: 'evil.example' })).status, 403, 'a name that a page gave this address')
  t.is((await httpGet(`${url}varz`, { origin: 'https://evil.example' })).status, 403)
})

test('monitoring: the port of its own names principals to programs of this host alone', async t => {
  const local = await startBroker(t, { config: { nats: { port: 0, monitor: { host: '127.0.0.1', port: 0 } } } })
  await local.connect()
  const user = async (headers: Record<string, string> = {}): Promise<unknown> => ((await httpGet(`${local.broker.monitorAddress!}connz?auth=1`, headers)).json() as Connz).connections[0]!['authorized_user']
  t.is(await user(), 'owner')
  t.is(await user({ 'x-forwarded-for': '192.0.2.7' }), undefined)
})

test('monitoring: connections say by what they came and what they are written in, and subscriptions have the sids of their clients', async t => {
  const local = await startBroker(t, { config: { nats: { authTimeout: '1m' } } })
  const login = { user: 'owner', pass: local.token }
  // One after the other: the library has one transport at a time.
  const tcp = await connectNats(t, local.nats, { ...login, name: 'by tcp' })
  await connectNatsWebSocket(t, `${local.gateway}nats`, { ...login, name: 'by websocket' })
  await local.connect({ clientId: 'native' })
  tcp.subscribe('news.*', { callback() {} })
  tcp.subscribe('weather.>', { queue: 'desk', max: 5, callback() {} })
  for (let i = 0; i < 2; i++) tcp.publish('weather.berlin', 'rain')
  await tcp.flush()
  const { connections } = (await reader(local)('/connz?subs=detail')).json() as Connz
  t.deepEqual(connections.map(({ name, type, lang }) => [name, type, lang].join(' ')).toSorted(), ['by tcp nats nats.js', 'by websocket websocket nats.ws', 'native callboard '])
  const { cid, subscriptions_list_detail: details } = connections.find(({ type }) => type === 'nats')!
  t.deepEqual(details, [{ subject: 'news.*', sid: '1', msgs: 0, cid }, { subject: 'weather.>', qgroup: 'desk', sid: '2', msgs: 2, max: 5, cid }])
})

test('monitoring: who is ended for not reading is a slow consumer', async t => {
  const local = await startBroker(t, { config: { ipc: { limits: { maxPendingBytes: '4mb', stallTimeout: '0s', overflow: 'disconnect' } } } })
  const get = reader(local)
  const [publisher, stuck] = await Promise.all([local.connect(), local.native({ client: 'stuck' })])
  await stuck.subscribe(1, 'flood')
  stuck.socket.pause()
  const payload = 'x'.repeat(512 * 1024)
  await until(async () => {
    await publisher.publish('flood', payload, { receipt: true })
    return ((await get('/varz')).json() as { slow_consumers: number }).slow_consumers === 1
  })
  const { connections } = (await get('/connz?state=closed')).json() as Connz
  t.like(connections[0], { name: 'stuck', reason: 'Slow Consumer (Pending Bytes)', subscriptions: 1 })
})

test('monitoring: limits and the time at which they were read are those that hold now', async t => {
  const local = await startBroker(t)
  const get = reader(local)
  const before = (await get('/varz')).json() as { max_payload: number; config_load_time: string; start: string }
  t.is(before.config_load_time, before.start)
  local.broker.reload({ ...defaultSettings, nats: { ...defaultSettings.nats, maxPayloadBytes: 4321 } })
  const after = (await get('/varz')).json() as typeof before
  t.is(after.max_payload, 4321)
  t.is(after.start, before.start)
  t.true(after.config_load_time > before.config_load_time)
})

test('monitoring: a port that is taken ends the start by name', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const error = await t.throwsAsync(() => withMonitor(t, { host: '127.0.0.1', port }))
  t.regex(error.message, new RegExp(`^listener\\.failed: cannot listen at 127\\.0\\.0\\.1:${port}: .*nats\\.monitor\\.port`))
})
