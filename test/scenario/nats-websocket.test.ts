// NATS over WebSocket with the public client: at /nats on the gateway's port, and on a port of its own.

import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { headers, wsconnect, type ConnectionOptions, type Msg, type NatsConnection, type Subscription, type WsConnectionOptions } from '@nats-io/transport-node'
import test from 'ava'
import { WebSocket } from 'ws'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { certificateAuthority, noOpenssl } from '../support/certificates.ts'
import { connectNats } from '../support/nats-client.ts'
import { NatsPeer } from '../support/nats-peer.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'
import { TEXT } from '../support/websocket-frames.ts'
import { WebSocketPeer } from '../support/websocket-peer.ts'
import { sameBytes } from '../support/same-bytes.ts'

async function connectWs(t: Teardown, servers: string, options: ConnectionOptions | WsConnectionOptions): Promise<NatsConnection> {
  const client = await wsconnect({ servers, reconnect: false, ...options })
  t.teardown(() => client.close())
  return client
}

/** What a subscription gets until its end. */
async function all(messages: Subscription): Promise<Msg[]> {
  const got: Msg[] = []
  for await (const message of messages) got.push(message)
  return got
}

/** Other tests may keep the machine busy. */
const patient = { port: 0, authTimeout: '1m' }

const atGateway = ({ gateway }: LocalBroker): string => `${gateway}nats`

/** Of the port of its own. */
function ownPort(broker: LocalBroker): string {
  return broker.broker.natsWebSocketAddress!
}

test('nats over websocket: clients of the gateway\'s port and of TCP hear each other, with headers and large payloads', async t => {
  const broker = await startBroker(t, { config: { nats: patient } })
  const token = { token: broker.token }
  const [web, tcp] = [await connectWs(t, atGateway(broker), token), await connectNats(t, broker.nats, token)]
  const [atWeb, atTcp] = [web.subscribe('to.web', { max: 2 }), tcp.subscribe('to.tcp', { max: 2 })]
  await Promise.all([web.flush(), tcp.flush()])
  const large = new Uint8Array(1_000_000).fill(7)
  const marked = headers()
  marked.set('Colour', 'green')
  for (const [client, subject] of [[web, 'to.tcp'], [tcp, 'to.web']] as const) {
    client.publish(subject, 'small', { headers: marked })
    client.publish(subject, large)
  }
  for (const messages of [atWeb, atTcp]) {
    const [small, big] = await all(messages)
    t.is(small!.string(), 'small')
    t.is(small!.headers?.get('Colour'), 'green')
    sameBytes(t, big!.data, large)
  }
  const { connections } = await (await broker.connect()).call('connections')
  t.deepEqual(connections.filter(({ dialect }) => dialect === 'nats').map(({ transport }) => transport).toSorted(), ['tcp', 'websocket'])
})

test('nats over websocket: requests are answered', async t => {
  const broker = await startBroker(t, { config: { nats: patient } })
  const [asker, responder] = [await connectWs(t, atGateway(broker), { token: broker.token }), await connectWs(t, atGateway(broker), { token: broker.token })]
  responder.subscribe('double', { callback: (_error, message) => void message.respond(String(2 * Number(message.string()))) })
  await responder.flush()
  t.is((await asker.request('double', '21', { timeout: 30_000 })).string(), '42')
  await t.throwsAsync(asker.request('nobody', '', { timeout: 30_000 }), { message: /no responders/ })
})

test('nats over websocket: a wrong token is refused', async t => {
  const broker = await startBroker(t, { config: { nats: patient } })
  await t.throwsAsync(connectWs(t, atGateway(broker), { token: 'wrong' }), { message: /Authorization Violation/i })
})

test('nats over websocket: text messages cut anywhere are the same protocol', async t => {
  const broker = await startBroker(t, { config: { nats: patient } })
  const peer = await WebSocketPeer.upgrade(t, atGateway(broker))
  t.regex(String(await peer.message()), /^INFO \{.*\}\r\n$/)
  for (const letter of `CONNECT {"verbose":false,"auth_token":"${broker.token}"}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n`) peer.send({ opcode: TEXT, payload: letter })
  t.is(String(await peer.message()), 'MSG a 1 2\r\nhi\r\n')
})

test('nats over websocket: pages of other origins and strange names are refused, as on the gateway', async t => {
  const broker = await startBroker(t, { config: { nats: { ...patient, websocket: { port: 0 } }, gateway: { port: 0, allowedOrigins: ['https://console.example'] } } })
  const status = async (url: string, lines: string[], host?: string): Promise<string> => (await WebSocketPeer.upgrade(t, url, lines, host)).head.split(' ')[1]!
  for (const url of [atGateway(broker), ownPort(broker)]) {
    t.is(await status(url, ['Origin: https://console.example']), '101')
    t.is(await status(url, ['Origin: https://evil.example']), '403')
    t.is(await status(url, [], 'evil.example'), '403')
  }
})

test('nats over websocket: without NATS port nothing is at /nats', async t => {
  const broker = await startBroker(t, { config: { nats: false } })
  t.is((await WebSocketPeer.upgrade(t, atGateway(broker))).head.split(' ')[1], '404')
})

test('config: nats.websocket opens a port of its own, where NATS is spoken at any path', async t => {
  const broker = await startBroker(t, { config: { nats: { ...patient, websocket: { host: '127.0.0.2', port: 0 } } } })
  t.regex(ownPort(broker), /^ws:\/\/127\.0\.0\.2:\d+\/$/)
  for (const path of ['', 'any/path']) {
    const client = await connectWs(t, `${ownPort(broker)}${path}`, { token: broker.token })
    await client.flush()
  }
  t.regex(JSON.stringify(broker.broker.tree()), /listener\.nats-websocket/)
})

test('config: nats.websocket.port taken by another program ends the start', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const error = await t.throwsAsync(startBroker(t, { config: { nats: { ...patient, websocket: { port } } } }), { code: 'listener.failed' })
  t.regex(error.message, /set nats\.websocket\.port to another one/)
})

test('config: nats.maxConnections counts clients of TCP and WebSocket together; one more is told, and may come when another left', async t => {
  const broker = await startBroker(t, { config: { nats: { ...patient, maxConnections: 2 } } })
  const token = { token: broker.token }
  const first = await connectNats(t, broker.nats, token)
  await connectWs(t, atGateway(broker), token)
  // By hand: the library may find its own CONNECT refused by the kernel before it reads why.
  t.is(await (await NatsPeer.open(t, broker.nats)).ending(), "-ERR 'maximum connections exceeded'\r\n")
  const peer = await WebSocketPeer.upgrade(t, atGateway(broker))
  let said = ''
  while (!said.includes('-ERR')) said += String(await peer.message())
  t.regex(said, /^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/)
  await first.close()
  // The broker may not have seen yet that the other one left.
  await until(async () => {
    const another = await NatsPeer.open(t, broker.nats)
    another.say(`CONNECT ${JSON.stringify({ verbose: false, auth_token: broker.token })}\r\nPING\r\n`)
    return (await another.upTo('\r\n')) === 'PONG\r\n'
  })
})

const secureTitle = 'config: nats.websocket.tls: who does not begin its handshake in time is cut, and certificates are read again on request'
const title = 'config: nats.websocket.tls: clients come by wss, with a certificate where verify asks for one'
const tlsTest = noOpenssl === undefined ? test : test.skip
tlsTest(noOpenssl === undefined ? title : `${title} (left out: ${noOpenssl})`, async t => {
  const authority = certificateAuthority(t)
  const { certFile, keyFile } = authority.issue('server')
  const tls = { cert: certFile, key: keyFile, ca: authority.caFile, verify: true, handshakeTimeout: '1m' }
  const broker = await startBroker(t, { config: { nats: { ...patient, websocket: { port: 0, tls } } } })
  t.regex(ownPort(broker), /^wss:/)
  const client = authority.issue('client')
  const join = (options: object): Promise<NatsConnection> => connectWs(t, ownPort(broker), { token: broker.token, wsFactory: async url => ({ socket: new WebSocket(url, { ca: readFileSync(authority.caFile), ...options }) as unknown as globalThis.WebSocket, encrypted: true }) })
  const trusted = await join({ cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) })
  const echoed = trusted.subscribe('a', { max: 1 })
  trusted.publish('a', 'secure')
  t.is((await all(echoed))[0]!.string(), 'secure')
  await t.throwsAsync(join({}))
  // In the clear nothing is answered.
  const plain = await t.throwsAsync(WebSocketPeer.upgrade(t, ownPort(broker).replace('wss:', 'ws:')))
  t.regex(plain.message, /closed before it answered/)
})

tlsTest(noOpenssl === undefined ? secureTitle : `${secureTitle} (left out: ${noOpenssl})`, async t => {
  const authority = certificateAuthority(t)
  const { certFile, keyFile } = authority.issue('server')
  const start = (handshakeTimeout: string): Promise<LocalBroker> => startBroker(t, { config: { nats: { ...patient, websocket: { port: 0, tls: { cert: certFile, key: keyFile, handshakeTimeout } } } } })
  const [hasty, calm] = [await start('50ms'), await start('1m')]
  const silent = connect(Number(new URL(ownPort(hasty)).port), '127.0.0.1')
  t.is(await text(silent), '')
  const shown = async (): Promise<string> => {
    const secure = connectTls({ port: Number(new URL(ownPort(calm)).port), host: '127.0.0.1', ca: readFileSync(authority.caFile) })
    t.teardown(() => secure.destroy())
    await once(secure, 'secureConnect')
    return String(secure.getPeerCertificate().subject.CN)
  }
  t.is(await shown(), 'server')
  const next = authority.issue('next')
  writeFileSync(certFile, readFileSync(next.certFile))
  writeFileSync(keyFile, readFileSync(next.keyFile))
  calm.broker.reloadCertificates()
  t.is(await shown(), 'next')
})
