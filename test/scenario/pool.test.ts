// Work for threads in a whole broker: large signed messages, payloads in zstd, and what an operator sees of it.

import { createHmac, randomBytes } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import test from 'ava'
import { encodePayload } from '../../broker/ground/payload.ts'
import type { ActorInfo } from '../../broker/ground/types.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { encodeSigned } from '../../client/signer.ts'
import { startBroker } from '../support/broker.ts'
import { take } from '../support/collect.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const signatures = { ipc: { security: { validateSignature: true } }, pool: { threads: 1, signatureAbove: '16kb' } }
const compression = { ipc: { performance: { compressionEnabled: true } }, pool: { threads: 1, compressAbove: '4kb' } }

function poolActor(tree: ActorInfo): ActorInfo | undefined {
  return tree.id === 'pool' ? tree : tree.children.map(poolActor).find(found => found !== undefined)
}

/** A frame with random bytes for `a`. */
function signedPublish(token: string, id: number, size: number, flags = 0): Uint8Array {
  return encodeSigned({ kind: Kind.publish, id, flags, subject: 'a', payload: randomBytes(size) }, Buffer.from(token), (key, data) => createHmac('sha256', key).update(data).digest())
}

test('pool: signed messages of all sizes arrive in order, the large ones checked by a thread', async t => {
  const broker = await startBroker(t, { config: signatures })
  const [sender, receiver] = await Promise.all([broker.connect(), broker.connect()])
  const all = receiver.subscribe<Uint8Array>('a')
  await all.ready
  const sizes = Array.from({ length: 120 }, (_, i) => (i % 4 === 0 ? 100 * KIB + i : i % 4 === 1 ? 20 * KIB : 10 * i))
  const receipts = sizes.map(size => sender.publish('a', new Uint8Array(randomBytes(size)), { receipt: true }))
  const got = await take(all, sizes.length)
  t.deepEqual(got.map(({ value }) => value.length), sizes)
  t.true((await Promise.all(receipts)).every(receipt => receipt.receivers === 1))
  const metrics = await sender.call('metrics')
  t.true(metrics['pool_tasks_done_total']! >= 1)
  t.is(metrics['pool_threads'], 1)
  t.is(metrics['pool_tasks_queued'], 0)
  t.true(metrics['pool_wait_p99_seconds']! >= metrics['pool_wait_p50_seconds']!)
  t.regex(poolActor((await sender.call('tree')))!.detail, /^1 of 1 thread, 0 queued, wait p50 [\d.]+ ms p99 [\d.]+ ms, [1-9]\d* tasks done, \d+ inline$/)
})

test('pool: a large message with a wrong signature is refused by name, and the connection stays', async t => {
  const broker = await startBroker(t, { config: signatures })
  const peer = await broker.native()
  peer.write(signedPublish('another', 10, 100 * KIB, Flag.receipt))
  peer.write(signedPublish(broker.token, 11, 100 * KIB, Flag.receipt))
  t.like(await peer.nextError(), { code: 'auth.signature_invalid' })
  t.is((await peer.nextOf(Kind.receipt)).ref, 11)
  const client = await broker.connect()
  t.like(await client.call('stats'), { rejected: 1, balanced: true })
})

test('pool: a large message and the goodbye after it: the message arrives', async t => {
  const broker = await startBroker(t, { config: signatures })
  // By hand: the SDK waits a second for the broker's end, which a thread that is only started may take.
  const [sender, receiver] = await Promise.all([broker.native(), broker.connect()])
  const all = receiver.subscribe<Uint8Array>('a')
  await all.ready
  sender.write(signedPublish(broker.token, 10, 500 * KIB))
  sender.control(Kind.goodbye)
  t.is((await take(all, 1))[0]!.value.length, 500 * KIB)
  await sender.closed
})

test('pool: who sends faster than threads work is slowed down, and loses nothing', async t => {
  const broker = await startBroker(t, { config: { ipc: { ...signatures.ipc, limits: { stallTimeout: '1m' } }, pool: { threads: 1, signatureAbove: 0 } } })
  const [sender, receiver] = await Promise.all([broker.connect(), broker.connect()])
  let bytes = 0
  const all = receiver.subscribe<Uint8Array>('a', { onMessage: ({ value }) => { bytes += value.length } })
  await all.ready
  const payload = new Uint8Array(256 * KIB)
  for (let i = 0; i < 200; i++) await sender.publish('a', payload)
  await until(() => bytes === 200 * payload.length)
  t.like(await receiver.call('stats'), { accepted: 200, rejected: 0, balanced: true })
})

test('compression: the SDK sends and receives it, others get the message plain, and all say the same', async t => {
  const broker = await startBroker(t, { config: compression })
  const [sender, receiver, peer, reader, script] = await Promise.all([broker.connect(), broker.connect(), broker.native(), broker.native({ compression: ['zstd', 'other'] }), broker.json()])
  t.deepEqual(sender.welcome.compression, { name: 'zstd', aboveBytes: 4 * KIB })
  t.deepEqual((reader.welcome as { compression?: unknown }).compression, { name: 'zstd', aboveBytes: 4 * KIB })
  t.is(peer.welcome.compression, undefined)
  const all = receiver.subscribe<{ lines: string[] }>('a')
  await Promise.all([all.ready, peer.subscribe(1, 'a'), reader.subscribe(1, 'a')])
  script.say({ type: 'subscribe', subject: 'a' })
  await script.nextOf('ok')
  const value = { lines: Array.from({ length: 2000 }, (_, i) => `line ${i}: nothing new`) }
  const { bytes } = encodePayload(value)
  // By the SDK, which compresses, by a client that does not, and by a script.
  const before = (await sender.call('connections', { id: sender.welcome.client })).connections[0]!.in.bytes
  await sender.publish('a', value, { receipt: true })
  const after = (await sender.call('connections', { id: sender.welcome.client })).connections[0]!.in.bytes
  t.true(after - before < bytes.length / 2)
  peer.publish('a', value)
  for (const { value: got } of await take(all, 2)) t.deepEqual(got, value)
  script.say({ type: 'event', subject: 'a', payload: value })
  t.deepEqual((await take(all, 1))[0]!.value, value)
  for (let i = 0; i < 2; i++) {
    const plain = await peer.nextOf(Kind.publish)
    t.is(plain.flags & Flag.compressed, 0)
    t.true(Buffer.from(bytes).equals(plain.payload))
    const packed = await reader.nextOf(Kind.publish)
    t.is(packed.flags & Flag.compressed, Flag.compressed)
    t.true(zstdDecompressSync(packed.payload).equals(bytes))
  }
  for (let i = 0; i < 3; i++) t.deepEqual((await script.nextOf('event'))['payload'], value)
  t.true((await sender.call('metrics'))['pool_tasks_done_total']! > 0)
  t.true((await sender.call('stats')).balanced)
})

test('compression: requests and their answers, and the broker\'s own methods, in both directions', async t => {
  const broker = await startBroker(t, { config: { ...compression, ipc: { ...compression.ipc, security: { validateSignature: true } } } })
  const [asker, answerer] = await Promise.all([broker.connect(), broker.connect()])
  const text = 'callboard '.repeat(5000)
  const asked = answerer.subscribe<string>('ask', { onMessage: message => message.respond(message.value + message.value) })
  await asked.ready
  t.is((await asker.request<string>('ask', text)).value, text + text)
  // The broker itself reads what was compressed for it.
  t.deepEqual(Object.keys(await asker.call('ping', { padding: text } as never)), ['now'])
})

test('pool: over WebSocket it is the same: signed, compressed, large and in order', async t => {
  const broker = await startBroker(t, { config: { gateway: { port: 0 }, ipc: { security: { validateSignature: true }, performance: { compressionEnabled: true } }, pool: { threads: 1, signatureAbove: '16kb', compressAbove: '4kb' } } })
  const [sender, receiver] = await Promise.all([broker.connect({ url: broker.gateway, token: broker.token }), broker.connect()])
  t.deepEqual(sender.welcome.compression, { name: 'zstd', aboveBytes: 4 * KIB })
  const all = receiver.subscribe<Uint8Array>('a')
  await all.ready
  const payloads = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? new Uint8Array(randomBytes(150 * KIB)) : new Uint8Array(i * 1000)))
  for (const payload of payloads) void sender.publish('a', payload)
  const got = await take(all, payloads.length)
  t.true(got.every(({ value }, i) => Buffer.from(value).equals(payloads[i]!)))
  t.true((await sender.call('metrics'))['pool_tasks_done_total']! > 0)
})

test('config: ipc.performance.compressionEnabled and pool.compressAbove say who may compress, and from which size', async t => {
  const [off, on] = await Promise.all([startBroker(t, { config: { pool: compression.pool } }), startBroker(t, { config: compression })])
  t.is((await off.connect()).welcome.compression, undefined)
  t.deepEqual((await on.connect()).welcome.compression, { name: 'zstd', aboveBytes: 4 * KIB })
})

test('config: pool.signatureAbove and pool.threads say what goes to threads, and to how many', async t => {
  const seen = async (pool: object): Promise<[boolean, string | undefined]> => {
    const broker = await startBroker(t, { config: { ...signatures, pool } })
    const client = await broker.connect()
    await client.publish('a', new Uint8Array(20 * KIB), { receipt: true })
    return [(await client.call('metrics'))['pool_tasks_done_total']! > 0, /of (\d+) thread/.exec(poolActor(await client.call('tree'))!.detail)?.[1]]
  }
  t.deepEqual(await seen({ threads: 3, signatureAbove: '16kb' }), [true, '3'])
  t.deepEqual(await seen({ threads: 3, signatureAbove: '32kb' }), [false, undefined])
})
