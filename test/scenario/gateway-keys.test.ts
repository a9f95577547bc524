// Every key of `gateway` and `network`, in a broker that has it and in one that has not.

import { createRequire } from 'node:module'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type * as Koffi from 'koffi'
import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { reservedPort } from '../support/reserved-port.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { PING } from '../support/websocket-frames.ts'
import { WebSocketPeer } from '../support/websocket-peer.ts'

/** Lets the peer in with native frames. */
async function join(broker: LocalBroker, peer: WebSocketPeer): Promise<WebSocketPeer> {
  peer.send({ payload: encodeFrame({ kind: Kind.hello, id: 1, payload: encode({ protocol: { min: 1, max: 1 }, auth: { token: broker.token } }) }) })
  for (;;) {
    const frame = await peer.next()
    if (frame === undefined) throw new Error('not let in')
    // The first is the greeting of text clients.
    if (frame.opcode === 2) return peer
  }
}

function welcomePeer(t: Teardown, broker: LocalBroker, lines: readonly string[] = []): Promise<WebSocketPeer> {
  return WebSocketPeer.upgrade(t, broker.gateway, lines).then(peer => join(broker, peer))
}

/** Status of an upgrade with these headers. */
async function status(t: Teardown, broker: LocalBroker, lines: readonly string[], host?: string): Promise<string> {
  const peer = await WebSocketPeer.upgrade(t, broker.gateway, lines, host)
  return peer.head.split(' ')[1]!
}

test('config: gateway.enabled false opens no port', async t => {
  const broker = await startBroker(t, { config: { gateway: { enabled: false } } })
  t.is(broker.broker.gatewayAddress, undefined)
  t.is(broker.broker.gatewayProblem, undefined)
})

test('config: gateway.host and gateway.port say where', async t => {
  const port = await reservedPort(t, '127.0.0.2')
  const broker = await startBroker(t, { config: { gateway: { host: '127.0.0.2', port } } })
  t.is(broker.gateway, `ws://127.0.0.2:${port}/`)
  t.is(await status(t, broker, []), '101')
})

test('config: gateway.host beyond this machine is said in the log', async t => {
  const broker = await startBroker(t, { config: { gateway: { host: '0.0.0.0', port: 0 } } })
  t.truthy(await broker.log.logged(/listens beyond this machine, and without TLS/))
})

test('config: gateway.singleton and gateway.constraints.onePerHost decide what becomes of a port that is taken', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  for (const keys of [(isOne: boolean) => ({ singleton: isOne }), (isOne: boolean) => ({ constraints: { onePerHost: isOne } })]) {
    t.is(await errorCode(startBroker(t, { config: { gateway: { port, ...keys(true) } } })), 'listener.failed')
    const beside = await startBroker(t, { config: { gateway: { port, ...keys(false) } } })
    t.not(new URL(beside.gateway).port, String(port))
    t.is(await status(t, beside, []), '101')
  }
})

test('config: gateway.allowedOrigins lets pages in, and no other', async t => {
  const [plain, open] = await Promise.all([startBroker(t), startBroker(t, { config: { gateway: { allowedOrigins: ['https://console.example.org'] } } })])
  const origin = 'Origin: https://console.example.org'
  t.deepEqual([await status(t, plain, [origin]), await status(t, open, [origin])], ['403', '101'])
  t.is(await status(t, open, ['Origin: https://console.example.org.evil.example']), '403')
})

test('config: gateway.allowedHosts are names to be asked for by', async t => {
  const [plain, open] = await Promise.all([startBroker(t), startBroker(t, { config: { gateway: { allowedHosts: ['box.lan'] } } })])
  t.deepEqual([await status(t, plain, [], 'box.lan:18789'), await status(t, open, [], 'box.lan:18789')], ['403', '101'])
})

test('config: gateway.limits.maxUnauthenticatedPerAddress and maxUnauthenticated bound those who did not authenticate', async t => {
  for (const [key, refused] of [['maxUnauthenticatedPerAddress', '429'], ['maxUnauthenticated', '503']] as const) {
    const broker = await startBroker(t, { config: { gateway: { limits: { [key]: 2 } } } })
    const first = await WebSocketPeer.upgrade(t, broker.gateway)
    await WebSocketPeer.upgrade(t, broker.gateway)
    t.is(await status(t, broker, []), refused, key)
    // Whoever is let in makes room.
    await join(broker, first)
    t.is(await status(t, broker, []), '101', key)
  }
})

test('config: gateway.limits.maxConnectionsPerAddress bounds all', async t => {
  const broker = await startBroker(t, { config: { gateway: { limits: { maxConnectionsPerAddress: 2 } } } })
  const first = await welcomePeer(t, broker)
  await welcomePeer(t, broker)
  t.is(await status(t, broker, []), '429')
  first.socket.destroy()
  let last = ''
  while ((last = await status(t, broker, [])) === '429');
  t.is(last, '101')
})

/** What the kernel keeps of the gateway's one upgraded socket: on, first probe, interval, probes. */
function keepAliveOf(port: number): number[] {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  const getsockopt = koffi.load(null).func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']) as (fd: number, level: number, option: number, value: Int32Array, length: Uint32Array) => number
  const handles = (process as unknown as { _getActiveHandles(): (Socket & { _handle?: { fd: number } })[] })._getActiveHandles()
  const socket = handles.find(handle => handle.localPort === port && handle.remotePort !== undefined)
  const value = new Int32Array(1)
  const read = (level: number, option: number): number => {
    if (getsockopt(socket!._handle!.fd, level, option, value, new Uint32Array([4])) !== 0) throw new Error('no such option')
    return value[0]!
  }
  return [read(1, 9), read(6, 4), read(6, 5), read(6, 6)]
}

test('config: network.tcp.keepAlive, keepAliveInterval and keepAliveProbes reach the kernel', async t => {
  const see = async (tcp: object): Promise<number[]> => {
    const broker = await startBroker(t, { config: { network: { tcp } } })
    await welcomePeer(t, broker)
    return keepAliveOf(Number(new URL(broker.gateway).port))
  }
  t.deepEqual(await see({}), [1, 30, 30, 3])
  t.deepEqual(await see({ keepAliveInterval: '77s', keepAliveProbes: 9 }), [1, 77, 77, 9])
  t.is((await see({ keepAlive: false }))[0], 0)
})

test('config: network.websocket.pingInterval and pingTimeout find those who fell silent', async t => {
  const websocket = { pingInterval: '60ms', pingTimeout: '60ms' }
  const broker = await startBroker(t, { config: { network: { websocket } } })
  const [silent, answering] = [await welcomePeer(t, broker), await broker.connect({ url: broker.gateway, token: broker.token })]
  t.is((await silent.next())?.opcode, PING)
  t.deepEqual(await silent.ending(), { code: 4044, reason: 'connection.stale' })
  // As long again: whoever answers pings stays.
  const second = await welcomePeer(t, broker)
  await second.ending()
  t.is(await errorCode(answering.call('ping')), 'resolved')
  const never = await startBroker(t, { config: { network: { websocket: { ...websocket, pingInterval: 0 } } } })
  const left = await welcomePeer(t, never)
  left.socket.on('data', () => t.fail('nobody is pinged'))
  await (await welcomePeer(t, broker)).ending()
})

test('config: network.websocket.maxFrameSize divides larger messages', async t => {
  const frames = async (websocket: object): Promise<number[]> => {
    const broker = await startBroker(t, { config: { network: { websocket } } })
    const [peer, sender] = [await welcomePeer(t, broker), await broker.native()]
    peer.send({ payload: encodeFrame({ kind: Kind.subscribe, id: 2, ref: 1, payload: encode({ pattern: 'large' }) }) })
    await peer.next()
    sender.publish('large', Buffer.alloc(40_000))
    const sizes: number[] = []
    for (;;) {
      const frame = await peer.next()
      sizes.push(frame!.payload.length)
      if (frame!.fin) return sizes
    }
  }
  const whole = await frames({})
  t.is(whole.length, 1)
  const divided = await frames({ maxFrameSize: '16kb' })
  t.deepEqual(divided.slice(0, 2), [16_384, 16_384])
  t.deepEqual([divided.reduce((sum, bytes) => sum + bytes)], whole)
})

test('config: network.websocket.compression and pool.deflateAbove decide what is compressed', async t => {
  const see = async (websocket: object, pool: object): Promise<unknown[]> => {
    const broker = await startBroker(t, { config: { network: { websocket }, pool } })
    const peer = await welcomePeer(t, broker, ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'])
    const sender = await broker.native()
    peer.send({ payload: encodeFrame({ kind: Kind.subscribe, id: 2, ref: 1, payload: encode({ pattern: 'large' }) }) })
    await peer.next()
    sender.publish('large', Buffer.alloc(20_000, 'callboard '))
    const frame = await peer.next()
    return [/permessage-deflate/.test(peer.head), frame!.rsv, frame!.payload.length < 5000]
  }
  t.deepEqual(await see({}, {}), [false, 0, false])
  t.deepEqual(await see({ compression: true }, {}), [true, 4, true])
  t.deepEqual(await see({ compression: true }, { deflateAbove: '64kb' }), [true, 0, false])
})
