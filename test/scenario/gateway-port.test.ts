// The gateway as an operator meets it: where it listens, what becomes of a port that is taken, and who sees whom.

import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { createBroker } from '../../index.ts'
import { startBroker } from '../support/broker.ts'
import { startCallboard } from '../support/callboard.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { errorCode } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { TEXT } from '../support/websocket-frames.ts'
import { WebSocketPeer } from '../support/websocket-peer.ts'

/** A port that another program has. */
async function takenPort(t: { teardown(done: () => void): void }): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('gateway: clients of the Unix socket and of the WebSocket see each other', async t => {
  const broker = await startBroker(t)
  const [local, remote] = [await broker.connect(), await broker.connect({ url: broker.gateway, token: broker.token })]
  const [heardLocally, heardRemotely] = [local.subscribe('to.local'), remote.subscribe('to.remote')]
  await Promise.all([local.call('ping'), remote.call('ping')])
  t.is(await remote.publish('to.local', { from: 'afar' }, { receipt: true }).then(({ receivers }) => receivers), 1)
  t.is(await local.publish('to.remote', { from: 'here' }, { receipt: true }).then(({ receivers }) => receivers), 1)
  for await (const message of heardLocally) {
    t.deepEqual(message.value, { from: 'afar' })
    break
  }
  for await (const message of heardRemotely) {
    t.deepEqual(message.value, { from: 'here' })
    break
  }
  const { connections } = await local.call('connections')
  t.deepEqual(connections.map(({ address }) => address.replace(/:\d+$/, ':port')).sort(), ['127.0.0.1:port', 'unix'])
})

test('gateway: start and status say where it is', async t => {
  const callboard = await startCallboard(t)
  t.regex(callboard.started.gateway ?? '', /^ws:\/\/127\.0\.0\.1:\d+\/$/)
  const [status] = (await callboard.json('status')) as { gateway?: string }[]
  t.is(status?.gateway, callboard.started.gateway)
  t.regex((await callboard.run('status')).stdout, new RegExp(`^gateway +${callboard.started.gateway}$`, 'm'))
})

test('gateway: a port that was asked for and is taken ends the start', async t => {
  const home = temporaryDirectory(t)
  const port = await takenPort(t)
  const { exit, stderr } = await runCallboard(t, ['start'], { home, env: { CALLBOARD_GATEWAY_PORT: String(port) } })
  t.is(exit, 1)
  t.regex(stderr, new RegExp(`cannot listen at 127\\.0\\.0\\.1:${port}: another program listens there \\(listener\\.failed\\)`))
})

test('gateway: an address that this machine does not have ends the start', async t => {
  // RFC 5737: for documentation, nobody's.
  const error = await t.throwsAsync(startBroker(t, { config: { gateway: { host: '192.0.2.1' } } }), { code: 'listener.failed' })
  t.regex(error.message, /192\.0\.2\.1.*this machine does not have that address; set gateway\.host/)
})

test('gateway: without it the broker runs, and doctor says so', async t => {
  const home = temporaryDirectory(t)
  const port = await takenPort(t)
  const broker = await createBroker({ home, settings: { ...defaultSettings, gateway: { ...defaultSettings.gateway, port, isPortRequired: false } } })
  t.teardown(() => broker.stop())
  const { exit, stdout } = await runCallboard(t, ['doctor'], { home })
  t.is(exit, 0)
  t.regex(stdout, new RegExp(`^warn +gateway +listener\\.failed: cannot listen at 127\\.0\\.0\\.1:${port}: another program listens there`, 'm'))
})

test('gateway: what is no port is refused by name', async t => {
  const { exit, stderr } = await runCallboard(t, ['start'], { home: temporaryDirectory(t), env: { CALLBOARD_GATEWAY_PORT: '70000' } })
  t.is(exit, 2)
  t.regex(stderr, /CALLBOARD_GATEWAY_PORT: is "70000"; allowed: a port from 0 to 65535/)
})

test('gateway: authentication is asked for here also where the Unix socket needs none', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { requireAuth: false } } } })
  const local = await broker.openNative()
  local.control(Kind.hello, {})
  await local.nextOf(Kind.welcome)
  const text = await WebSocketPeer.upgrade(t, broker.gateway)
  text.send({ opcode: TEXT, payload: JSON.stringify({ type: 'connect', params: {} }) })
  t.deepEqual(await text.ending(), { code: 4015, reason: 'auth.required' })
  const native = await WebSocketPeer.upgrade(t, broker.gateway)
  native.send({ payload: encodeFrame({ kind: Kind.hello, id: 1, payload: encode({ protocol: { min: 1, max: 1 } }) }) })
  t.deepEqual(await native.ending(), { code: 4015, reason: 'auth.required' })
})

test('gateway: with a list of programs nobody of this machine comes in by the gateway, as the kernel does not say which they are', async t => {
  const broker = await startBroker(t, { config: { ipc: { security: { allowedProcesses: ['/usr/bin/true'] } } } })
  t.is(await errorCode(broker.connect({ url: broker.gateway, token: broker.token })), 'auth.process_not_allowed')
})

test('gateway: connections far above the limit are cut at once, and the broker goes on', async t => {
  const broker = await startBroker(t, { config: { ipc: { server: { maxConnections: 1 } }, gateway: { limits: { maxUnauthenticatedPerAddress: 0, maxUnauthenticated: 0 } }, network: { websocket: { pingInterval: '20ms', pingTimeout: '20ms' } } } })
  // One may connect and 64 are told that there is no room; more get nothing.
  const peers = await Promise.all(Array.from({ length: 80 }, () => WebSocketPeer.upgrade(t, broker.gateway)))
  const cut = await Promise.race([Promise.all(peers.slice(65).map(peer => peer.ending())), Promise.all(peers.map(peer => peer.ending()))])
  t.true(cut.length >= 15)
  for (const peer of peers) peer.socket.destroy()
  const client = await broker.connect({ retry: { enabled: true, maxRetries: Infinity, retryDelayMs: 5, backoffMultiplier: 1 } })
  t.true((await client.call('ping')).now > 0)
})

test('gateway: where messages are small, a burst of them is still one of the SDK\'s writes', async t => {
  const broker = await startBroker(t, { config: { ipc: { performance: { maxMessageSize: '1kb' } } } })
  const [sender, receiver] = await Promise.all([broker.connect({ url: broker.gateway, token: broker.token }), broker.connect()])
  const burst = receiver.subscribe<number>('burst')
  await receiver.call('ping')
  for (let i = 0; i < 500; i++) void sender.publish('burst', i, { headers: { filler: 'x'.repeat(500) } })
  let next = 0
  for await (const { value } of burst) {
    t.is(value, next)
    if (++next === 500) break
  }
})
