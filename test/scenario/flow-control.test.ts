// Flow control over real sockets: policies, limits and sessions as an operator sets them.

import test from 'ava'
import { decode } from '@msgpack/msgpack'
import type { Frame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import type { NativePeer } from '../support/native-peer.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const PAYLOAD = new Uint8Array(16 * 1024)

interface Lost {
  readonly reason: string
  readonly count: number
}

/** What a receiver that begins to read gets of `sent` messages: how many, and what it is told of the rest. */
async function outcome(peer: NativePeer, sent: number): Promise<{ got: number; lost: Lost[] }> {
  peer.socket.resume()
  const lost: Lost[] = []
  let got = 0
  while (got + lost.reduce((sum, { count }) => sum + count, 0) < sent) {
    const frame = await peer.next()
    if (frame.kind === Kind.gap) lost.push(decode(frame.payload) as Lost)
    else if (frame.kind === Kind.publish) got++
  }
  return { got, lost }
}

/** Publishes until the broker has taken `count` messages. */
async function flood(peer: NativePeer, subject: string, count: number): Promise<void> {
  let last = 0
  for (let i = 0; i < count; i++) last = peer.send({ kind: Kind.publish, subject, flags: i === count - 1 ? Flag.receipt : 0, payload: PAYLOAD })
  for (let frame: Frame = await peer.nextOf(Kind.receipt); frame.ref !== last; ) frame = await peer.nextOf(Kind.receipt)
}

async function stuck(broker: LocalBroker, pattern: string, hello: object = {}): Promise<NativePeer> {
  const peer = await broker.native(hello)
  await peer.subscribe(1, pattern)
  peer.socket.pause()
  return peer
}

for (const overflow of ['drop-oldest', 'drop-newest']) {
  test(`flow control: ipc.limits.overflow ${overflow} drops for a reader that stopped, and the sender goes on`, async t => {
    const broker = await startBroker(t, { config: { ipc: { limits: { overflow, maxPendingBytes: '4mb' } } } })
    const [reader, sender, watcher] = await Promise.all([stuck(broker, 'flood'), broker.native(), broker.connect()])
    await flood(sender, 'flood', 800)
    const { got, lost } = await outcome(reader, 800)
    t.true(got * PAYLOAD.length <= 5 * MIB)
    t.deepEqual([...new Set(lost.map(({ reason }) => reason))], ['overflow'])
    const stats = await watcher.call('stats')
    t.true(stats.balanced)
    t.is(stats.dropped['overflow'], 800 - got)
  })
}

test('flow control: ipc.limits.overflow block waits until the reader reads, and loses nothing', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { overflow: 'block', maxPendingBytes: '4mb', stallTimeout: '50ms' } } } })
  const [reader, sender, watcher] = await Promise.all([stuck(broker, 'flood'), broker.native(), broker.connect()])
  const flooded = flood(sender, 'flood', 800)
  for (let stalled = false; !stalled; ) stalled = (await watcher.call('connections')).connections.some(connection => connection.stalled)
  t.deepEqual(await outcome(reader, 800), { got: 800, lost: [] })
  await flooded
})

test('flow control: ipc.limits.maxPendingMessages counts messages, whatever their size', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { overflow: 'drop-newest', maxPendingMessages: 40, stallTimeout: 0 } } } })
  const [reader, sender] = await Promise.all([stuck(broker, 'flood'), broker.native()])
  await flood(sender, 'flood', 400)
  const { got } = await outcome(reader, 400)
  // What the kernel took beside them is a socket's buffer.
  t.true(got < 100, String(got))
})

test('flow control: a channel has its own policy and limits, by messages and by bytes', async t => {
  const channels = [
    { name: 'few', overflow: 'drop-oldest', maxPendingMessages: 20 },
    { name: 'small', overflow: 'drop-newest', maxPendingBytes: '256kb' },
    { name: 'plain' },
  ]
  const broker = await startBroker(t, { config: { channels, ipc: { limits: { stallTimeout: 0 } } } })
  const readers = await Promise.all(channels.map(({ name }) => stuck(broker, name)))
  const sender = await broker.native()
  for (const { name } of channels) await flood(sender, name, 400)
  const [few, small, plain] = await Promise.all(readers.map(reader => outcome(reader, 400)))
  t.true(few!.got < 100 && small!.got < 100, `${few!.got} ${small!.got}`)
  t.deepEqual(plain, { got: 400, lost: [] })
})

test('flow control: a session is resumed within ipc.limits.sessionTtl, with what ipc.limits.sessionBytes holds', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { sessionTtl: '1h', sessionBytes: '256kb' } } } })
  const [reader, sender, watcher] = await Promise.all([broker.native({ client: 'reader', sessionTtlMs: 86_400_000 }), broker.native(), broker.connect()])
  const { session, secret, sessionTtlMs, origin } = reader.welcome as unknown as { session: string; secret: string; sessionTtlMs: number; origin: number }
  t.is(sessionTtlMs, 3_600_000)
  await reader.subscribe(1, 'flood')
  reader.destroy()
  // Until then messages go out to it, and are kept to be sent again beside those that wait.
  await until(async () => (await watcher.call('connections', { id: 'reader' })).connections[0]!.phase === 'maintain')
  await flood(sender, 'flood', 100)
  const back = await broker.native({ resume: { session, secret, received: 1 } })
  t.like(back.welcome, { resumed: true, origin, session })
  const { got, lost } = await outcome(back, 100)
  t.true(got > 4 && got < 17, String(got))
  t.is((back.welcome as unknown as { lost: number }).lost, lost.reduce((sum, { count }) => sum + count, 0))
})

test('flow control: ipc.limits.sessionTtl 0 keeps no session', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { sessionTtl: 0 } } } })
  const { welcome } = await broker.native({ sessionTtlMs: 60_000 })
  t.false('secret' in welcome)
})

test('flow control: ipc.limits.creditBytes is what a publisher with credit may be ahead', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { creditBytes: '64kb' } } } })
  const sender = await broker.native({ flow: { credit: true } })
  t.is((sender.welcome as unknown as { limits: { creditBytes: number } }).limits.creditBytes, 64 * 1024)
  for (let i = 0; i < 3; i++) sender.send({ kind: Kind.publish, subject: 'a', payload: PAYLOAD })
  const { subject, bytes } = decode((await sender.nextOf(Kind.credit)).payload) as { subject: string; bytes: number }
  t.is(subject, 'a')
  t.true(bytes >= 32 * 1024 && bytes <= 64 * 1024)
})
