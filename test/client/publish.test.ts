import { decode } from '@msgpack/msgpack'
import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { BrokerError } from '../../client/index.ts'
import { errorCode } from '../support/error-code.ts'
import { settle } from '../support/fake-clock.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

test('publish: ids are consecutive and the frames of one turn leave in one write', async t => {
  const { client, peer } = await scriptedClient(t)
  const before = peer.chunks.length
  await Promise.all(Array.from({ length: 100 }, (_, n) => client.publish('events.n', { n })))
  for (let n = 0; n < 100; n++) {
    const frame = await peer.nextOf(Kind.publish)
    t.deepEqual([frame.id, frame.subject, decode(frame.payload)], [n + 2, 'events.n', { n }])
  }
  t.is(peer.chunks.length, before + 1)
})

test('publish: the payload type follows the value, mid and headers travel', async t => {
  const { client, peer } = await scriptedClient(t)
  await client.publish('a', 'text')
  await client.publish('a', new Uint8Array([1]))
  await client.publish('a', { n: 1 }, { json: true, mid: 'msg-1', headers: { trace: 't' } })
  t.is((await peer.next()).flags, 3)
  t.is((await peer.next()).flags, 0)
  const last = await peer.next()
  t.is(last.flags, 2 | Flag.headers)
  t.deepEqual(last.headers, { trace: 't', mid: 'msg-1' })
  t.is(new TextDecoder().decode(last.payload), '{"n":1}')
})

test('publish: with receipt it resolves with the number of receivers, or rejects with the refusal', async t => {
  const { client, peer } = await scriptedClient(t)
  const accepted = client.publish('a', 1, { receipt: true })
  const refused = client.publish('status', 1, { receipt: true })
  const first = await peer.next()
  t.true((first.flags & Flag.receipt) !== 0)
  peer.answer(first, { receivers: 3 }, Kind.receipt)
  peer.refuse(await peer.next(), 'channel.direction', { channel: 'status', role: 'client' })
  t.deepEqual(await accepted, { receivers: 3 })
  t.is((await t.throwsAsync(refused, { instanceOf: BrokerError })).code, 'channel.direction')
})

test('publish: several refused at once reject each promise that is concerned', async t => {
  const { client, peer } = await scriptedClient(t)
  const all = [1, 2, 3].map(n => errorCode(client.publish('a', n, { receipt: true })))
  const first = await peer.next()
  await peer.next()
  peer.refuse(first, 'permission.denied', { count: 2 })
  peer.answer(await peer.next(), { receivers: 1 }, Kind.receipt)
  t.deepEqual(await Promise.all(all), ['permission.denied', 'permission.denied', 'resolved'])
})

test('publish: a refusal that no promise waits for is an error event', async t => {
  const { client, peer } = await scriptedClient(t)
  const problem = nextEvent(client, 'error')
  await client.publish('status', 1)
  peer.refuse(await peer.next(), 'channel.direction', { channel: 'status', role: 'client' })
  t.is((await problem).code, 'channel.direction')
})

test('publish: what cannot be sent is refused here, and the connection stays', async t => {
  const { client, peer } = await scriptedClient(t, {}, { limits: { maxFrameBytes: 1000, requestTimeoutMs: 60_000 } })
  const codes = await Promise.all(
    [client.publish('a..b', 1), client.publish('a.*', 1), client.publish('a', new Uint8Array(2000)), client.publish('a', () => 1), client.publish('a', 1, { signal: AbortSignal.abort() })].map(errorCode),
  )
  t.deepEqual(codes, ['subject.invalid', 'subject.invalid', 'frame.too_large', 'payload.not_encodable', 'client.aborted'])
  await client.publish('a', 1)
  t.is((await peer.next()).id, 2)
})

test('publish: it resolves late while the broker does not read', async t => {
  const { client, peer } = await scriptedClient(t)
  peer.pause()
  const block = new Uint8Array(512 * 1024)
  let sent = 0
  // The kernel's buffer ends somewhere: then a publish waits for the reader.
  let waiting = client.publish('a', block)
  for (; await isSettled(waiting); waiting = client.publish('a', block)) if (++sent > 200) return t.fail('publish never waited')
  peer.resume()
  await waiting
  for (let n = 0; n <= sent; n++) t.is((await peer.next()).payload.length, block.length)
})

test('publish: broadcast goes to every client and reports how many', async t => {
  const { client, peer } = await scriptedClient(t)
  const sent = client.broadcast({ type: 'notification' })
  const frame = await peer.next()
  t.is(frame.subject, '$CB.all')
  peer.answer(frame, { receivers: 12 }, Kind.receipt)
  t.deepEqual(await sent, { receivers: 12 })
})

/** Whether the promise settles while the event loop turns a few times, as it does when the kernel takes the write. */
function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const turns = async (): Promise<boolean> => {
    for (let turn = 0; turn < 20; turn++) await settle()
    return false
  }
  return Promise.race([promise.then(() => true), turns()])
}

test('publish: a receipt of delivery is asked for by header, and says what became of it for every receiver', async t => {
  const { client, peer } = await scriptedClient(t)
  const receipt = client.publish('x', 1, { receipt: 'delivered', headers: { own: true } })
  const frame = await peer.nextOf(Kind.publish)
  t.deepEqual([frame.flags & Flag.receipt, frame.headers], [Flag.receipt, { own: true, receipt: 'delivered' }])
  peer.answer(frame, { receivers: 3, written: 1, dropped: { overflow: 1, expired: 1 } }, Kind.receipt)
  t.deepEqual(await receipt, { receivers: 3, written: 1, dropped: { overflow: 1, expired: 1 } })
  const late = errorCode(client.publish('x', 1, { receipt: 'delivered', timeoutMs: 1 }))
  await peer.nextOf(Kind.publish)
  t.is(await late, 'request.timeout')
})

test('publish: the time to live travels as a header, of requests too', async t => {
  const { client, peer } = await scriptedClient(t)
  await client.publish('x', 1, { ttlMs: 250, mid: 'm' })
  t.deepEqual((await peer.nextOf(Kind.publish)).headers, { ttl: 250, mid: 'm' })
  client.request('x', 1, { ttlMs: 5 }).catch(() => {})
  t.deepEqual((await peer.nextOf(Kind.request)).headers, { ttl: 5 })
})
