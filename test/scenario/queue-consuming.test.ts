// A queue from publisher to consumer over the Unix socket, in native frames by hand and with the real store in the process.

import test from 'ava'
import { decode } from '@msgpack/msgpack'
import { decodePayload } from '../../broker/ground/payload.ts'
import { Flag, Kind, type PayloadType } from '../../broker/wire/layout.ts'
import { encodeFrame, type Frame } from '../../broker/wire/frame.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import type { NativePeer } from '../support/native-peer.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { withMoreTime } from '../support/with-more-time.ts'

const NUMBER = 5

interface Story {
  readonly broker: LocalBroker
  readonly publisher: NativePeer
  /** Publishes and waits until it is stored; the positions. */
  readonly put: (...values: readonly unknown[]) => Promise<number[]>
}

async function story(t: Teardown, queue: object = {}, more: readonly object[] = [], backend = 'memory'): Promise<Story> {
  const config = { queue: { backend }, channels: [{ name: 'jobs', mode: 'queue', queue: { ackWait: '30s', retryPolicy: { initialDelay: '10ms', maxDelay: '10ms', jitter: 0, maxAttempts: 3 }, ...queue } }, ...more] }
  const broker = await startBroker(t, { config })
  const publisher = await broker.native({ client: 'publisher' })
  return {
    broker, publisher,
    async put(...values) {
      for (const value of values) publisher.publish('jobs.new', value, { flags: Flag.receipt })
      const positions: number[] = []
      for (const _ of values) positions.push((decode((await publisher.nextOf(Kind.receipt)).payload) as { stored: { position: number } }).stored.position)
      return positions
    },
  }
}

async function consume(peer: NativePeer, messages: number, number = NUMBER, pattern = 'jobs'): Promise<void> {
  await peer.subscribe(number, pattern, { consume: true })
  if (messages > 0) peer.control(Kind.pull, { messages }, { ref: number })
}

const told = ({ kind, to, ref, subject, flags, payload, headers }: Frame): unknown[] => [kind, to, ref, subject, decodePayload((flags & Flag.payloadType) as PayloadType, payload), headers?.['$attempt']]

async function settle(peer: NativePeer, body: object, number = NUMBER): Promise<unknown> {
  peer.control(Kind.settle, body, { ref: number })
  const { payload } = await peer.nextOf(Kind.ok)
  return payload.length === 0 ? undefined : decode(payload)
}

test('queue consuming: what was stored comes in order, is settled, and does not come again', async t => {
  const { broker, put } = await story(t)
  const [first, second, third] = await put('a', 'b', 'c')
  const worker = await broker.native({ client: 'worker' })
  await consume(worker, 2)
  t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, first, 'jobs.new', 'a', undefined])
  t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, second, 'jobs.new', 'b', undefined])
  t.is(await settle(worker, { ack: [first, 1, second, 1] }), undefined)
  t.deepEqual(await settle(worker, { ack: [first, 1] }), { lost: [first] })
  worker.control(Kind.pull, { messages: 10 }, { ref: NUMBER })
  t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, third, 'jobs.new', 'c', undefined])
  t.is(await settle(worker, { nak: [[third, 1, 0, 'not yet']] }), undefined)
  t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, third, 'jobs.new', 'c', 2])
  t.is(await settle(worker, { term: [[third, 2, 'broken']] }), undefined)
  // What comes now goes straight through.
  const [fourth] = await put('d')
  t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, fourth, 'jobs.new', 'd', undefined])
})

test('queue consuming: a worker that is gone leaves its messages to the next one; what kills its workers becomes a dead letter', async t => {
  const { broker, put } = await story(t)
  const [position] = await put('poison')
  for (const attempt of [undefined, 2, 3]) {
    const worker = await broker.native()
    await consume(worker, 1)
    t.deepEqual(told(await worker.next()), [Kind.leased, NUMBER, position, 'jobs.new', 'poison', attempt])
    worker.destroy()
    await worker.closed
  }
  const [after] = await put('fine')
  const last = await broker.native()
  await consume(last, 5)
  t.deepEqual(told(await last.next()), [Kind.leased, NUMBER, after, 'jobs.new', 'fine', undefined])
})

test('queue consuming: an ack wait that is over makes the message somebody else\'s', async t => {
  const wasInTime = await withMoreTime(100, async ackWaitMs => {
    const { broker, put } = await story(t, { ackWait: `${ackWaitMs}ms` })
    const [position] = await put('slow')
    const [slow, quick] = await Promise.all([broker.native(), broker.native()])
    await consume(slow, 1)
    await slow.next()
    await consume(quick, 1)
    t.deepEqual(told(await quick.next()), [Kind.leased, NUMBER, position, 'jobs.new', 'slow', 2])
    const acked = await settle(quick, { ack: [position, 2] })
    t.deepEqual(await settle(slow, { ack: [position, 1] }), { lost: [position] })
    return acked === undefined
  })
  t.true(wasInTime, 'the second lease was always over, too')
})

test('queue consuming: a message becomes another one in one step', async t => {
  const { broker, put } = await story(t, {}, [{ name: 'done', mode: 'queue' }])
  const [position] = await put('raw')
  const [worker, reader] = await Promise.all([broker.native(), broker.native()])
  await consume(worker, 1)
  await worker.next()
  const frame = encodeFrame({ kind: Kind.publish, subject: 'done.jobs', flags: 1, payload: Uint8Array.of(7) })
  t.is(await settle(worker, { forward: [[position, 1, [frame]]] }), undefined)
  t.deepEqual(await settle(worker, { forward: [[position, 1, [frame]]] }), { lost: [position] })
  await consume(reader, 10, 1, 'done')
  const got = await reader.next()
  t.deepEqual([got.kind, got.subject, decode(got.payload), got.origin > 0, got.id > 0], [Kind.leased, 'done.jobs', 7, true, true])
})

test('queue consuming: a request waits in the queue until a worker is there to answer it', async t => {
  const { broker, publisher } = await story(t)
  const id = publisher.request('jobs.sum', [1, 2])
  const worker = await broker.native()
  await consume(worker, 1)
  const { kind, origin, id: ref, ref: position, payload } = await worker.next()
  t.deepEqual([kind, ref, decode(payload)], [Kind.leasedRequest, id, [1, 2]])
  worker.publish('jobs.sum', 3, { kind: Kind.response, to: origin, ref })
  const response = await publisher.nextOf(Kind.response)
  t.deepEqual([response.ref, decode(response.payload)], [id, 3])
  t.is(await settle(worker, { ack: [position, 1] }), undefined)
})

test('queue consuming: a broker that is stopped gives back what its consumers have, and settles what they had settled', async t => {
  const { broker, put } = await story(t, {}, [], 'embedded')
  const [done, held, waiting] = await put('done', 'held', 'waiting')
  const worker = await broker.native()
  await consume(worker, 2)
  await worker.next()
  await worker.next()
  t.is(await settle(worker, { ack: [done, 1] }), undefined)
  await broker.broker.stop()
  t.deepEqual(broker.log.records.filter(({ level }) => level === 'error'), [])
  const next = await startBroker(t, { home: broker.home })
  const other = await next.native()
  await consume(other, 10)
  const got = [told(await other.next()), told(await other.next())].toSorted((a, b) => Number(a[2]) - Number(b[2]))
  t.deepEqual(got, [[Kind.leased, NUMBER, held, 'jobs.new', 'held', 2], [Kind.leased, NUMBER, waiting, 'jobs.new', 'waiting', undefined]])
})
