// Many strangers at once. `npm run torture` makes it ten thousand of them.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { Client } from '../../client/index.ts'
import type { ActorInfo } from '../../index.ts'
import { startBrokerProcess, type BrokerProcess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { until } from '../support/until.ts'
import { withHandshakeTime } from '../support/with-more-time.ts'

const MIB = 1024 * 1024
const STRANGERS = Number(process.env['CALLBOARD_TORTURE_CONNECTIONS'] ?? 1000)
/** Fewer than the listener's backlog. */
const AT_ONCE = 500

/** Connected, as soon as there is room: the kernel turns away whoever comes while the broker has yet to accept a whole backlog. */
async function stranger(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect(path)
    const code = await once(socket, 'connect').then(() => undefined, (error: unknown) => (error as NodeJS.ErrnoException).code)
    if (code === undefined) return socket
    if (code !== 'EAGAIN') throw new Error(`cannot connect: ${code}`)
  }
}

/** Connects `count` sockets that say nothing, or the beginning of something. */
async function strangers(t: ExecutionContext, path: string, count: number): Promise<Socket[]> {
  const beginnings = [Buffer.of(), Buffer.of(0), Buffer.of(0, 0, 1, 0, 0x9a), Buffer.from('{"type":"hel')]
  const sockets: Socket[] = []
  t.teardown(() => sockets.forEach(socket => socket.destroy()))
  while (sockets.length < count) {
    const batch = await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - sockets.length) }, () => stranger(path)))
    sockets.push(...batch)
    batch.forEach((socket, i) => {
      socket.on('error', () => {}).write(beginnings[i % beginnings.length]!)
    })
  }
  return sockets
}

async function connectionCount(client: Client): Promise<number> {
  const find = (actor: ActorInfo): ActorInfo | undefined => (actor.id === 'connections' ? actor : actor.children.map(find).find(Boolean))
  const connections = find(await client.call('tree'))!
  return connections.childCount ?? connections.children.length
}

function boundHolds(t: ExecutionContext, broker: BrokerProcess, mostMebibytes = 250): void {
  const mebibytes = Math.round(broker.rssBytes() / MIB)
  t.log(`${mebibytes} MiB resident`)
  t.true(mebibytes <= mostMebibytes, `${mebibytes} MiB resident`)
}

test('crowd: thousands of half-open connections cost bounded memory, and neither old nor new clients notice', async t => {
  const broker = await startBrokerProcess(t, { config: { ipc: { limits: { handshakeTimeout: '2m' } } } })
  const client = await broker.connect()
  await client.subscribe('mirror', { onMessage: message => message.respond(message.value) }).ready
  const sockets = await strangers(t, broker.socket, STRANGERS)
  await until(async () => (await connectionCount(client)) === STRANGERS + 1)
  boundHolds(t, broker)
  t.is((await client.request('mirror', 1)).value, 1)
  const newcomer = await broker.connect()
  t.is((await newcomer.request('mirror', 2)).value, 2)
  await newcomer.close()
  for (const socket of sockets) socket.destroy()
  await until(async () => (await connectionCount(client)) === 1)
  t.is((await client.request('mirror', 3)).value, 3)
  t.true((await client.call('stats')).balanced)
})

test('crowd: half-open connections end by themselves, and there is room again', async t => {
  t.true(await withHandshakeTime(1000, handshakeMs => halfOpen(t, handshakeMs)))
})

async function halfOpen(t: ExecutionContext, handshakeMs: number): Promise<void> {
  const broker = await startBrokerProcess(t, { config: { ipc: { server: { maxConnections: 300 }, limits: { handshakeTimeout: `${handshakeMs}ms` } } } })
  const client = await broker.connect()
  await strangers(t, broker.socket, 299)
  const beyond = await errorCode(broker.connect())
  // They were cut off before, or it was itself: there was not time enough.
  if (beyond === 'resolved' || beyond === 'handshake.timeout') throw new Error('handshake.timeout')
  t.is(beyond, 'connection.limit')
  await until(async () => (await connectionCount(client)) === 1)
  await broker.connect()
}

test('crowd: a flood of connects that leave at once leaves nothing behind', async t => {
  const broker = await startBrokerProcess(t)
  const client = await broker.connect()
  const before = await connectionCount(client)
  for (let round = 0; round < STRANGERS / AT_ONCE; round++) {
    const sockets = await strangers(t, broker.socket, AT_ONCE)
    for (const socket of sockets) socket.destroy()
    t.true((await client.call('stats')).balanced)
  }
  await until(async () => (await connectionCount(client)) === before)
  boundHolds(t, broker)
})

test('crowd: a client that asks for ever and reads no answer is ended, in bounded memory', async t => {
  const broker = await startBrokerProcess(t)
  const client = await broker.connect()
  const floods = [encodeFrame({ kind: Kind.ping, id: 2 }), encodeFrame({ kind: Kind.unsubscribe, id: 2, ref: 99 })]
  for (const frame of floods) {
    const peer = await broker.native()
    const bytes = Buffer.concat(Array.from({ length: 2000 }, () => frame))
    peer.socket.pause()
    const pump = (error?: Error | null): void => {
      if (!error) peer.socket.write(bytes, pump)
    }
    pump()
    await peer.closed
    // Wider than elsewhere: the limit counts the bytes of frames, and an answer of 54 bytes takes several times that to keep.
    boundHolds(t, broker, 600)
  }
  await until(async () => (await connectionCount(client)) === 1)
  // Lines of the log are written a moment later.
  await until(async () => (await broker.callboard.run('logs', '--grep', 'slow_consumer')).stdout.includes('connection.slow_consumer'))
  t.true((await client.call('stats')).balanced)
})
