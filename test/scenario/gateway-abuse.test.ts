// What strangers do to the gateway: wrong requests, floods, slowness, and sockets without end. Each is refused by name, the
// limits hold, and those who were let in do not notice.

import { once } from 'node:events'
import { connect as openSocket, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { encode } from '@msgpack/msgpack'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { until } from '../support/until.ts'
import { clientFrame, PING, TEXT } from '../support/websocket-frames.ts'
import { upgradeRequest, WebSocketPeer } from '../support/websocket-peer.ts'

const MIB = 1024 * 1024

interface Response {
  readonly status: number
  readonly head: string
  readonly code: string
}

/** What comes until the socket is closed: in order, or by the reset with which a system answers what was sent to one that has ended. */
function said(socket: Socket): Promise<string> {
  let all = ''
  socket.on('data', (chunk: Buffer) => (all += chunk.toString('latin1'))).on('error', () => {})
  return new Promise(resolve => socket.on('close', () => resolve(all)))
}

/** Sends a request as it stands; what came back until the socket was closed. */
async function ask(t: ExecutionContext, broker: BrokerAccess, request: string): Promise<Response> {
  const { hostname, port } = new URL(broker.gateway)
  const socket = openSocket({ host: hostname, port: Number(port) })
  t.teardown(() => socket.destroy())
  socket.write(request)
  const response = await said(socket)
  const [head = '', body = ''] = response.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, code: body.startsWith('{') ? (JSON.parse(body) as { code?: string }).code ?? '' : '' }
}

function request(broker: BrokerAccess, line: string, ...headers: string[]): string {
  return [line, `Host: ${new URL(broker.gateway).host}`, ...headers, '', ''].join('\r\n')
}

function hello(token: string): Buffer {
  return clientFrame({ payload: encodeFrame({ kind: Kind.hello, id: 1, payload: encode({ protocol: { min: 1, max: 1 }, auth: { token } }) }) })
}

test('gateway abuse: requests that are wrong get a status and a name', async t => {
  const broker = await startBroker(t)
  const { host } = new URL(broker.gateway)
  const upgrade = upgradeRequest({ host })
  const cases: readonly [string, string, number, string][] = [
    ['no request', 'EHLO mail\r\n\r\n', 400, 'gateway.bad_request'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'gateway.bad_request'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'gateway.bad_request'],
    ['Host twice', request(broker, 'GET / HTTP/1.1', `Host: ${host}`), 400, 'gateway.bad_request'],
    ['Host of somebody else', request(broker, 'GET / HTTP/1.1').replace(host, 'evil.example'), 403, 'gateway.forbidden'],
    ['upgrade by the Host of somebody else', upgradeRequest({ host: '127.evil.example' }), 403, 'gateway.forbidden'],
    ['upgrade by an octal Host', upgradeRequest({ host: '0177.0.0.1' }), 403, 'gateway.forbidden'],
    ['upgrade from a foreign page', upgradeRequest({ host, lines: ['Origin: https://evil.example'] }), 403, 'gateway.forbidden'],
    ['upgrade from a page without origin', upgradeRequest({ host, lines: ['Origin: null'] }), 403, 'gateway.forbidden'],
    ['Origin twice', upgradeRequest({ host, lines: [`Origin: http://${host}`, 'Origin: https://evil.example'] }), 400, 'gateway.bad_request'],
    ['a foreign page behind a proxy that says otherwise', upgradeRequest({ host, lines: ['Origin: https://evil.example', `X-Forwarded-Host: evil.example`, 'Forwarded: host=evil.example;proto=https', 'X-Real-IP: 10.0.0.1'] }), 403, 'gateway.forbidden'],
    ['another path', upgrade.replace('GET / ', 'GET /other '), 404, 'gateway.bad_request'],
    ['nothing there', request(broker, 'GET /nothing HTTP/1.1'), 404, 'gateway.bad_request'],
    ['a name of every object', request(broker, 'GET /__proto__ HTTP/1.1'), 404, 'gateway.bad_request'],
    ['POST', request(broker, 'POST / HTTP/1.1', 'Content-Length: 0'), 405, 'gateway.bad_request'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', 405, 'gateway.bad_request'],
    ['upgrade by POST', upgrade.replace('GET / ', 'POST / '), 405, 'gateway.bad_request'],
    ['upgrade to something else', upgrade.replace('Upgrade: websocket', 'Upgrade: h2c'), 426, 'gateway.bad_request'],
    ['version 8', upgrade.replace('Version: 13', 'Version: 8'), 426, 'gateway.bad_request'],
    ['no key', upgrade.replace(/Sec-WebSocket-Key: .*\r\n/, ''), 400, 'gateway.bad_request'],
    ['a key of other bytes', upgrade.replace(/Sec-WebSocket-Key: .*\r\n/, 'Sec-WebSocket-Key: c2hvcnQ=\r\n'), 400, 'gateway.bad_request'],
    ['a token in the URL', upgrade.replace('GET / ', `GET /?token=${broker.token} `), 400, 'gateway.bad_request'],
    ['a token in the URL of a question', request(broker, 'GET /?x=1&access_token=abc HTTP/1.1'), 400, 'gateway.bad_request'],
    ['a hundred headers', upgradeRequest({ host, lines: Array.from({ length: 100 }, (_, i) => `X-${i}: 1`) }), 431, 'gateway.bad_request'],
    ['17 KiB of headers', upgradeRequest({ host, lines: [`X-Long: ${'x'.repeat(17_000)}`] }), 431, 'gateway.bad_request'],
  ]
  for (const [what, wire, status, code] of cases) {
    const response = await ask(t, broker, wire)
    t.deepEqual([response.status, response.code], [status, code], what)
    t.false(response.head.includes(broker.token), what)
  }
  t.regex((await ask(t, broker, upgrade.replace('Version: 13', 'Version: 8'))).head, /Sec-WebSocket-Version: 13/)
  t.false(JSON.stringify(broker.log.records).includes(broker.token), 'the token is in no log')
})

test('gateway abuse: forwarded headers change nothing', async t => {
  const broker = await startBroker(t)
  const peer = await WebSocketPeer.upgrade(t, broker.gateway, ['X-Forwarded-For: 10.1.2.3', 'X-Real-IP: 10.1.2.3', 'Forwarded: for=10.1.2.3', 'X-Forwarded-Proto: https'])
  peer.write(hello(broker.token))
  await until(async () => (await (await broker.connect()).call('connections')).connections.some(({ address }) => /^127\.0\.0\.1:\d+$/.test(address)))
  const { connections } = await (await broker.connect()).call('connections')
  t.false(connections.some(({ address }) => address.includes('10.1.2.3')))
})

test('gateway abuse: what is asked of it by HTTP is answered, and the connection ends', async t => {
  const broker = await startBroker(t)
  const base = broker.gateway.replace('ws:', 'http:')
  const root = await fetch(base)
  t.deepEqual([root.status, ((await root.json()) as { name: string }).name], [200, 'callboard'])
  const health = await fetch(`${base}healthz`)
  t.deepEqual([health.status, await health.json()], [200, { status: 'ok' }])
  const head = await fetch(`${base}healthz`, { method: 'HEAD' })
  t.deepEqual([head.status, await head.text()], [200, ''])
  t.is((await ask(t, broker, request(broker, 'GET /healthz HTTP/1.1'))).status, 200)
})

test('gateway abuse: frames right behind the request to upgrade are read', async t => {
  const broker = await startBroker(t)
  const { hostname, port, host } = new URL(broker.gateway)
  const socket = openSocket({ host: hostname, port: Number(port) })
  t.teardown(() => socket.destroy())
  socket.write(Buffer.concat([Buffer.from(upgradeRequest({ host })), hello(broker.token)]))
  await until(async () => (await (await broker.connect()).call('connections')).connections.some(({ dialect, address }) => dialect === 'native' && address.startsWith('127.')))
  t.pass()
})

test('gateway abuse: before authentication a message has 64 KiB, and nothing compressed is looked at', async t => {
  const broker = await startBroker(t, { config: { network: { websocket: { compression: true } } } })
  const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'
  for (const opcode of [2, TEXT]) {
    const peer = await WebSocketPeer.upgrade(t, broker.gateway)
    peer.write(clientFrame({ opcode, length: 64 * 1024 + 1 }))
    t.deepEqual(await peer.ending(), { code: 1009, reason: 'websocket.too_large' })
    const bomb = await WebSocketPeer.upgrade(t, broker.gateway, [offer])
    bomb.send({ opcode, rsv: 4, payload: Buffer.from('4a4c4a4e494d4b070000', 'hex') })
    t.deepEqual(await bomb.ending(), { code: 1002, reason: 'websocket.protocol' })
  }
})

test('gateway abuse: a compression bomb ends at the limit of a message', async t => {
  const { deflateRawSync, constants } = await import('node:zlib')
  const broker = await startBrokerProcess(t, { config: { network: { websocket: { compression: true } }, ipc: { performance: { maxMessageSize: '64kb' } } } })
  const bomb = deflateRawSync(Buffer.alloc(64 * MIB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  const before = broker.rssBytes()
  for (let i = 0; i < 5; i++) {
    const peer = await WebSocketPeer.upgrade(t, broker.gateway, ['Sec-WebSocket-Extensions: permessage-deflate'])
    peer.write(hello(broker.token))
    while ((await peer.next())?.opcode !== 2);
    peer.send({ rsv: 4, payload: bomb })
    t.is((await peer.ending()).code, 1009)
  }
  t.true(broker.rssBytes() - before < 48 * MIB)
})

test('gateway abuse: sockets that drip headers are told so after their time and cut, and make room', async t => {
  const broker = await startBroker(t, { config: { gateway: { limits: { maxUnauthenticatedPerAddress: 5 } }, ipc: { limits: { handshakeTimeout: '1500ms' } } } })
  const { hostname, port } = new URL(broker.gateway)
  const drips: Socket[] = []
  const responses: Promise<string>[] = []
  for (let i = 0; i < 5; i++) {
    const socket = openSocket({ host: hostname, port: Number(port) })
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\nX-A: ')
    drips.push(socket)
    responses.push(said(socket))
  }
  const dripping = setInterval(() => drips.forEach(socket => socket.writable && socket.write('x')), 100)
  t.teardown(() => clearInterval(dripping))
  for (const response of await Promise.all(responses)) {
    t.true(response.startsWith('HTTP/1.1 408 '), response)
    t.true(response.includes('handshake.timeout'), response)
  }
  let head = ''
  while (!head.startsWith('HTTP/1.1 101 ')) ({ head } = await WebSocketPeer.upgrade(t, broker.gateway))
  t.pass()
})

/** Round trips of a client while `flood` goes on, and what the broker's memory grew by. */
async function besides(t: ExecutionContext, flood: (peer: WebSocketPeer) => Promise<void>): Promise<{ growthBytes: number }> {
  const broker = await startBrokerProcess(t)
  const [asker, answerer] = await Promise.all([broker.connect(), broker.connect({ url: broker.gateway, token: broker.token })])
  const requests = answerer.subscribe('echo')
  void (async () => {
    for await (const message of requests) await message.respond(message.value)
  })()
  await answerer.call('ping')
  const peer = await WebSocketPeer.upgrade(t, broker.gateway)
  peer.write(hello(broker.token))
  while ((await peer.next())?.opcode !== 2);
  const before = broker.rssBytes()
  const flooding = flood(peer)
  for (let i = 0; i < 100; i++) t.is((await asker.request('echo', i, { timeoutMs: 20_000 })).value, i)
  await flooding
  return { growthBytes: broker.rssBytes() - before }
}

/** Writes as fast as the socket takes it, `times` over. */
async function pour(peer: WebSocketPeer, bytes: Buffer, times: number): Promise<void> {
  const closed = new Promise<void>(resolve => peer.socket.once('close', () => resolve()))
  for (let i = 0; i < times && !peer.socket.destroyed; i++) {
    if (peer.socket.write(bytes)) continue
    const drained = new AbortController()
    await Promise.race([once(peer.socket, 'drain', { signal: drained.signal }).catch(() => {}), closed])
    drained.abort()
  }
}

test('gateway abuse: a flood of pings from one who does not read the answers takes no memory, and others go on', async t => {
  const pings = Buffer.concat(Array.from({ length: 5000 }, () => clientFrame({ opcode: PING, payload: Buffer.alloc(125) })))
  const { growthBytes } = await besides(t, peer => {
    peer.socket.pause()
    return pour(peer, pings, 40)
  })
  t.true(growthBytes < 64 * MIB, `${growthBytes} bytes`)
})

test('gateway abuse: a flood of fragments ends by name, takes bounded memory, and others go on', async t => {
  const fragments = Buffer.concat(Array.from({ length: 10_000 }, () => clientFrame({ opcode: 0, fin: false, payload: 'x' })))
  const { growthBytes } = await besides(t, async peer => {
    peer.send({ fin: false, payload: 'x' })
    await pour(peer, fragments, 20)
    t.deepEqual(await peer.ending(), { code: 1002, reason: 'websocket.protocol' })
  })
  t.true(growthBytes < 96 * MIB, `${growthBytes} bytes`)
})

test('gateway abuse: sockets by the thousand that never authenticate are bounded, and keep nobody out who was let in', async t => {
  const count = Number(process.env['CALLBOARD_TORTURE_SOCKETS'] ?? 1000)
  // Those who may wait must still wait when the last of all has come.
  const broker = await startBrokerProcess(t, { config: { ipc: { limits: { handshakeTimeout: '5m' } } } })
  const client = await broker.connect({ url: broker.gateway, token: broker.token })
  const before = broker.rssBytes()
  const { hostname, port } = new URL(broker.gateway)
  const sockets = Array.from({ length: count }, () => openSocket({ host: hostname, port: Number(port) }))
  t.teardown(() => sockets.forEach(socket => socket.destroy()))
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => closed++)
  }
  // All but those that may wait are cut; 64 of one address may.
  await until(() => closed >= count - 64)
  t.is(closed, count - 64)
  t.true(await client.call('ping').then(({ now }) => now > 0))
  const local = await broker.connect()
  t.true((await local.call('ping')).now > 0)
  t.true(broker.rssBytes() - before < 64 * MIB)
})
