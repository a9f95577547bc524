import test, { type ExecutionContext } from 'ava'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { ActorInfo } from '../../index.ts'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import type { NativePeer } from '../support/native-peer.ts'
import { withMoreTime } from '../support/with-more-time.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** `count` publishes of `bytes` each, written as fast as the socket takes them. */
async function flood(peer: NativePeer, subject: string, count: number, bytes: number, firstId = 1000): Promise<void> {
  const payload = new Uint8Array(bytes)
  for (let i = 0; i < count; i++) {
    if (!peer.write(encodeFrame({ kind: Kind.publish, id: firstId + i, subject, payload }))) await peer.drained()
  }
}

/** Reads until `count` messages came; gives the ids in their order. */
async function readAll(peer: NativePeer, count: number): Promise<number[]> {
  const ids: number[] = []
  while (ids.length < count) ids.push((await peer.nextOf(Kind.publish)).id)
  return ids
}

function consecutive(count: number, first = 1000): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

test('slow receiver: one that never reads stalls its publisher, is ended by name, and costs nobody else anything', async t => {
  t.true(await withMoreTime(1000, stallMs => oneNeverReads(t, stallMs)))
})

/** False when the other reader did not get to read for that time either, or the accounts were not asked while it lasted. */
async function oneNeverReads(t: ExecutionContext, stallMs: number): Promise<boolean> {
  const broker = await startBrokerProcess(t, { config: { ipc: { limits: { stallTimeout: `${stallMs}ms` } }, channels: [{ name: 'flood' }] } })
  const [publisher, reader, stuck, watcher] = await Promise.all([broker.native(), broker.native(), broker.native({ client: 'stuck' }), broker.connect()])
  await Promise.all([reader.subscribe(1, 'flood'), stuck.subscribe(1, 'flood')])
  stuck.socket.pause()
  const count = 1600
  const end = { isReached: false }
  const flooded = flood(publisher, 'flood', count, 64 * KIB).finally(() => (end.isReached = true))
  const received = readAll(reader, count).catch((error: unknown) => {
    if (!String(error).includes('connection.slow_consumer')) throw error
  })
  let wasStalled = false
  let mostBytes = 0
  let mostPendingBytes = 0
  // The accounts are asked all the while: the identity holds at every moment, not only at the end.
  while (!end.isReached) {
    const [stats, { connections }] = await Promise.all([watcher.call('stats'), watcher.call('connections', { id: 'stuck' })])
    t.true(stats.balanced)
    mostBytes = Math.max(mostBytes, broker.rssBytes())
    for (const { stalled, out } of connections) {
      wasStalled ||= stalled
      mostPendingBytes = Math.max(mostPendingBytes, out.pendingBytes)
    }
  }
  await flooded
  const ids = await received
  if (ids === undefined || !wasStalled) return false
  t.deepEqual(ids, consecutive(count))
  t.true(mostPendingBytes <= 20 * MIB, `${mostPendingBytes} bytes waited`)
  t.true(mostBytes <= 250 * MIB, `${Math.round(mostBytes / MIB)} MiB resident`)
  stuck.socket.resume()
  await stuck.closed
  const { channels, balanced } = await watcher.call('stats')
  t.true(balanced)
  // Each message went to the reader, and until it was ended to the stuck one: taken by its kernel, or dropped by name.
  const { accepted, deliveries, written, pending, dropped } = channels.find(({ name }) => name === 'flood')!
  t.deepEqual([accepted, pending, dropped['no-interest']], [count, 0, 0])
  t.true(dropped['slow-consumer']! > 0)
  t.true(written >= count)
  t.is(deliveries, written + dropped['slow-consumer']! + dropped['actor-gone']!)
  const logs = await broker.callboard.run('logs', '--grep', 'slow_consumer')
  t.regex(logs.stdout, /stuck/)
  return true
}

test('slow receiver: two that write 6 MiB to each other before they read both finish', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { maxPendingBytes: '7mb', stallTimeout: '20s' } } } })
  const [left, right] = await Promise.all([broker.native(), broker.native()])
  await Promise.all([left.subscribe(1, 'to.left'), right.subscribe(1, 'to.right')])
  const finish = async (peer: NativePeer, subject: string): Promise<number[]> => {
    peer.socket.pause()
    await flood(peer, subject, 96, 64 * KIB)
    // Only what the kernel took has been written.
    await peer.drained()
    peer.socket.resume()
    return readAll(peer, 96)
  }
  const [a, b] = await Promise.all([finish(left, 'to.right'), finish(right, 'to.left')])
  t.deepEqual([a, b], [consecutive(96), consecutive(96)])
})

test('slow receiver: one that reads slowly loses nothing, its publisher waits', async t => {
  const broker = await startBroker(t, { config: { ipc: { limits: { maxPendingBytes: '4mb', stallTimeout: '20s' } } } })
  const [publisher, reader] = await Promise.all([broker.native(), broker.native()])
  await reader.subscribe(1, 'flood')
  let stalls = 0
  // One chunk, then a pause of a few turns.
  reader.socket.on('data', () => {
    if (hasStalled(broker.broker.tree())) stalls++
    reader.socket.pause()
    setTimeout(() => reader.socket.resume(), 1)
  })
  const [ids] = await Promise.all([readAll(reader, 480), flood(publisher, 'flood', 480, 64 * KIB)])
  t.deepEqual(ids, consecutive(480))
  t.true(stalls > 0)
  t.deepEqual((await (await broker.connect()).call('stats')).dropped['slow-consumer'], 0)
})

test('slow receiver: a publisher that is stalled is not stale', async t => {
  // Where it does not get to write or to answer in time beside its stall, it is rightly stale.
  t.true(await withMoreTime(100, beatMs => stallForTenBeats(t, beatMs).then(() => true, () => false)))
})

async function stallForTenBeats(t: ExecutionContext, beatMs: number): Promise<void> {
  const broker = await startBroker(t, { config: { ipc: { limits: { maxPendingBytes: '4mb', stallTimeout: `${beatMs * 10}ms`, heartbeat: `${beatMs}ms` } } } })
  const [publisher, stuck] = await Promise.all([broker.native({ heartbeatMs: beatMs, client: 'paused' }), broker.native()])
  await stuck.subscribe(1, 'flood')
  stuck.socket.pause()
  await flood(publisher, 'flood', 200, 64 * KIB)
  // Once the receiver was given up its publisher is read again, though it said nothing for ten beats.
  const { fields } = await broker.log.logged(/slow_consumer/)
  t.is(fields['code'], 'connection.slow_consumer')
  await publisher.nextOf(Kind.ping)
  publisher.control(Kind.pong)
  const id = publisher.control(Kind.ping)
  for (let frame = await publisher.next(); frame.kind !== Kind.pong || frame.ref !== id; frame = await publisher.next()) t.is(frame.kind, Kind.ping)
}

function hasStalled(actor: ActorInfo): boolean {
  return (actor.kind === 'connection' && actor.detail.includes('stalled')) || actor.children.some(hasStalled)
}
