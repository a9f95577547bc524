// Clients of the gateway beside all others: they see each other, and each speaks its own dialect.

import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode, decode } from '@msgpack/msgpack'
import test from 'ava'
import { decodeFrame, encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker } from '../support/broker.ts'
import { errorCodeOf, type GatewayPeer, type Heard } from '../support/gateway-peer.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { WebSocketPeer } from '../support/websocket-peer.ts'

const hmac = (token: string, text: string): string => createHmac('sha256', token).update(text).digest('hex')
const proof = (token: string, nonce: string, challenge: string): { mac: string } => ({ mac: hmac(token, `callboard-proof-v1\n${nonce}\n${challenge}\nowner`) })

/** How the broker answers a first message, and how it closes. */
async function refused(peer: GatewayPeer, first: object): Promise<unknown[]> {
  peer.say(first)
  const answer = await peer.next()
  const { code, reason } = await peer.closed
  return [answer['ok'], errorCodeOf(answer), code, reason]
}

test('gateway: the sample of the handshake, with the broker proving itself', async t => {
  const broker = await startBroker(t)
  const script = await broker.json({ client: 'cron-7', program: 'cron' })
  const peer = await broker.openGateway()
  peer.say({ type: 'connect', params: { deviceId: 'my-macbook-pro', auth: { token: broker.token }, challenge: 'nonce-value-123456', capabilities: ['agent', 'tools', 'canvas'] } })
  const answer = await peer.nextOf('res')
  t.like(answer, { ok: true, payload: { status: 'hello-ok', health: { gateway: 'running', channels: {} }, client: 'my-macbook-pro' } })
  const { snapshot, mac } = answer['payload'] as { snapshot: { presence: Heard[]; state: Heard }; mac: string }
  t.is(mac, hmac(broker.token, `callboard-welcome-v1\n${peer.nonce}\nnonce-value-123456\nowner`))
  t.deepEqual(snapshot.presence.map(({ client }) => client), ['cron-7', 'my-macbook-pro'])
  t.like(snapshot.state, { connections: 2, channels: 5, incarnation: 1 })
  script.say({ type: 'request', id: 1, subject: '$CB.api.connections', payload: { id: 'my-macbook-pro' } })
  t.like((await script.nextOf('response'))['payload'], { connections: [{ client: 'my-macbook-pro', dialect: 'gateway' }] })
})

test('gateway: credentials that are wrong, empty, expired or used on another connection are refused by name and close code', async t => {
  const broker = await startBroker(t)
  const { token } = broker
  const connect = (params: object): object => ({ type: 'connect', params })
  t.deepEqual(await refused(await broker.openGateway(), connect({ auth: { token: 'wrong' } })), [false, 'auth.failed', 4016, 'auth.failed'])
  t.deepEqual(await refused(await broker.openGateway(), connect({ auth: { token: '' } })), [false, 'frame.malformed', 4002, 'frame.malformed'])
  t.deepEqual(await refused(await broker.openGateway(), connect({})), [false, 'auth.required', 4015, 'auth.required'])
  t.deepEqual(await refused(await broker.openGateway(), connect({ deviceId: 'Ada\'s Mac', auth: { token } })), [false, 'connect.bad_params', 4085, 'connect.bad_params'])
  t.deepEqual(await refused(await broker.openGateway(), { type: 'req', id: 1, method: 'status' }), [false, 'handshake.expected', 4012, 'handshake.expected'])
  t.deepEqual(await refused(await broker.openGateway(), [1]), [false, 'envelope.malformed', 4006, 'envelope.malformed'])
  const [first, second] = [await broker.openGateway(), await broker.openGateway()]
  const auth = proof(token, first.nonce, 'mine')
  t.deepEqual(await refused(second, connect({ challenge: 'mine', auth })), [false, 'auth.failed', 4016, 'auth.failed'])
  first.say(connect({ challenge: 'mine', auth }))
  t.like(await first.next(), { ok: true })
})

test('gateway: native frames over WebSocket prove themselves with the greeting too', async t => {
  const broker = await startBroker(t)
  const peer = await WebSocketPeer.upgrade(t, broker.gateway)
  const { payload } = JSON.parse((await peer.message()).toString()) as { payload: { nonce: string } }
  const body = { challenge: 'c', auth: proof(broker.token, payload.nonce, 'c'), client: 'by-hand', device: { role: 'node', nodeType: 'linux', capabilities: ['canvas'] } }
  peer.send({ opcode: 2, payload: encodeFrame({ kind: Kind.hello, id: 1, payload: encode(body) }) })
  const bytes = await peer.message()
  const frame = decodeFrame(bytes, 0, bytes.length)
  t.is(frame.kind, Kind.welcome)
  t.like(decode(frame.payload), { client: 'by-hand', mac: hmac(broker.token, `callboard-welcome-v1\n${payload.nonce}\nc\nowner`) })
  const { helloOk } = await broker.joinGateway()
  t.like((helloOk['snapshot'] as { presence: Heard[] }).presence[0], { client: 'by-hand', role: 'node', nodeType: 'linux', capabilities: ['canvas'] })
})

test('gateway: everybody sees everybody: native and JSON on the Unix socket, native and text on WebSocket', async t => {
  const broker = await startBroker(t)
  const [unixNative, unixJson, text] = await Promise.all([broker.native({ client: 'unix-native' }), broker.json({ client: 'unix-json' }), broker.joinGateway({ deviceId: 'ws-text' })])
  const binary = await broker.connect({ url: broker.gateway, token: broker.token, clientId: 'ws-native' })
  await unixNative.subscribe(1, 'agent.>')
  unixJson.say({ type: 'subscribe', subject: 'agent.>' })
  await unixJson.nextOf('ok')
  t.like(await text.call('s', 'subscribe', { subject: 'agent.>' }), { ok: true })
  const seen = binary.subscribe<{ from: string }>('agent.>')
  await seen.ready
  const inbox = seen[Symbol.asyncIterator]()
  const hears = async (from: string): Promise<void> => {
    t.deepEqual(JSON.parse(Buffer.from((await unixNative.nextOf(Kind.publish)).payload).toString()), { from })
    t.like(await unixJson.nextOf('event'), { subject: 'agent.x', payload: { from }, sender: from })
    t.like(await text.nextOf('event'), { event: 'agent.x', payload: { from }, sender: from })
    t.like((await inbox.next()).value, { value: { from } })
  }
  unixNative.publish('agent.x', Buffer.from('{"from":"unix-native"}'), { flags: 2 })
  await hears('unix-native')
  unixJson.say({ type: 'event', subject: 'agent.x', payload: { from: 'unix-json' } })
  await hears('unix-json')
  await binary.publish('agent.x', { from: 'ws-native' }, { json: true })
  await hears('ws-native')
  text.request('p', 'publish', { subject: 'agent.x', payload: { from: 'ws-text' } })
  // Its own message, and then how many got it.
  await hears('ws-text')
  t.like(await text.nextOf('res'), { id: 'p', ok: true, payload: { receivers: 4 } })
})

test('gateway: one to one, and to all with how many there were', async t => {
  const broker = await startBroker(t)
  const [phone, script] = await Promise.all([broker.joinGateway({ deviceId: 'phone' }), broker.json({ client: 'script' })])
  const binary = await broker.connect({ url: broker.gateway, token: broker.token, clientId: 'sdk', agent: 'helper' })
  t.like(await phone.call(1, 'send', { to: { client: 'script' }, payload: 'hi' }), { payload: { receivers: 1 } })
  t.like(await script.nextOf('event'), { subject: '$CB.to.client.script', payload: 'hi', sender: 'phone' })
  await binary.publish('$CB.to.client.phone', { hello: 1 })
  t.like(await phone.nextOf('event'), { event: '$CB.to.client.phone', payload: { hello: 1 }, sender: 'sdk' })
  t.like(await phone.call(2, 'broadcast', { payload: 'all' }), { ok: true, payload: { receivers: 2 } })
  t.like(await script.nextOf('broadcast'), { payload: 'all' })
  script.say({ type: 'broadcast', id: 'b', payload: 'from a script' })
  t.like(await script.nextOf('receipt'), { payload: { receivers: 2 } })
  t.like(await phone.nextOf('broadcast'), { payload: 'from a script', sender: 'script' })
})

test('gateway: many answers, a cancel, a time-out, each under its id', async t => {
  const broker = await startBroker(t)
  const [phone, worker] = await Promise.all([broker.joinGateway(), broker.native()])
  for (const name of ['a', 'b']) await (await broker.connect()).subscribe('roll', { onMessage: message => message.respond(name) }).ready
  await worker.subscribe(1, 'long')
  phone.request('all', 'request', { subject: 'roll', payload: null, many: true })
  const answers = [await phone.nextOf('event'), await phone.nextOf('event')]
  t.deepEqual(answers.map(({ event, id, payload }) => [event, id, payload]).toSorted((x, y) => String(x[2]).localeCompare(String(y[2]))), [['response', 'all', 'a'], ['response', 'all', 'b']])
  t.like(await phone.nextOf('res'), { id: 'all', ok: true, payload: { responses: 2, reason: 'complete' } })
  phone.request('job', 'request', { subject: 'long', payload: 1, timeoutMs: 60_000 })
  const asked = await worker.nextOf(Kind.request)
  phone.request('stop', 'cancel', { id: 'job' })
  t.like(await phone.nextOf('res'), { id: 'job', ok: false, error: { code: 'request.cancelled' } })
  t.like(await phone.nextOf('res'), { id: 'stop', ok: true, payload: { cancelled: true } })
  t.like(await worker.nextOf(Kind.cancel), { to: asked.origin, ref: asked.id })
  t.like(await phone.call('late', 'request', { subject: 'long', timeoutMs: 30 }), { ok: false, error: { code: 'request.timeout' } })
})

test('gateway: what is malformed is answered by name and the connection stays; what is too large ends it', async t => {
  const broker = await startBroker(t, { config: { ipc: { performance: { maxMessageSize: '4kb' } } } })
  const peer = await broker.joinGateway()
  for (const text of ['nonsense', '[]', '{}', '{"type":"wave","id":1}', '{"type":"req","id":2}', '{"type":"req","id":3,"method":"publish","params":{"ttl":0}}']) {
    peer.write(text)
    t.like(await peer.nextOf('res'), { ok: false }, text)
  }
  t.like(await peer.call('still', 'ping'), { ok: true })
  const seen = await broker.json()
  peer.write(JSON.stringify({ type: 'event', subject: 'a', payload: 'x'.repeat(30_000) }))
  t.like(await peer.nextOf('event'), { event: 'goodbye', payload: { code: 'frame.too_large' } })
  t.is((await peer.closed).code, 4003)
  // What the WebSocket itself takes is never less than 64 KiB.
  const other = await broker.joinGateway()
  other.write(JSON.stringify({ type: 'event', subject: 'a', payload: 'x'.repeat(70_000) }))
  t.like(await other.nextOf('event'), { event: 'goodbye', payload: { code: 'websocket.too_large' } })
  t.is((await other.closed).code, 1009)
  seen.say({ type: 'ping', id: 'p' })
  await seen.nextOf('pong')
})

test('gateway: an orderly stop says goodbye by name', async t => {
  const broker = await startBroker(t)
  const peer = await broker.joinGateway()
  const stopped = broker.broker.stop()
  t.like(await peer.nextOf('event'), { event: 'goodbye', payload: { code: 'connection.draining', retryable: true } })
  t.deepEqual(await peer.closed, { code: 4046, reason: 'connection.draining' })
  await stopped
})

test('gateway: presence keeps to whom a principal may write', async t => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'guest'), 'guest-token\n')
  const principals = [{ name: 'guest', roles: ['client'], tokenFile: join(directory, 'guest'), publish: { allow: ['news.>'] } }]
  const broker = await startBroker(t, { config: { principals } })
  await broker.json({ client: 'script' })
  const guest = await broker.joinGateway({ deviceId: 'guest-phone', principal: 'guest', auth: { token: 'guest-token' } })
  t.like(guest.helloOk['snapshot'], { presenceTotal: 1, presence: [{ client: 'guest-phone' }] })
  t.like(await guest.call(1, 'send', { to: { client: 'script' } }), { ok: false, error: { code: 'permission.denied' } })
})
