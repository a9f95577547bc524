import test from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { decodeFrame } from '../../../broker/wire/frame.ts'
import { frameEnd } from '../../../broker/wire/regroup.ts'
import { QueuePipeline } from '../../support/queue-pipeline.ts'

/** The ids of the frames in stored bytes. */
function idsIn(bytes: Uint8Array): number[] {
  const ids: number[] = []
  for (let start = 0; start < bytes.length;) {
    const end = frameEnd(bytes, start)
    ids.push(decodeFrame(bytes, start, end).id)
    start = end
  }
  return ids
}

test('queue: a run of plain publishes is one append, stored as it was published', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const frames = [1, 2, 3].map(() => client.frame({ kind: Kind.publish, subject: 'jobs.mail', payload: Buffer.from('x') }))
  client.link.arrive(Buffer.concat(frames))
  await rig.settle()
  t.is(kept.kept.length, 1)
  const [append] = kept.kept
  t.like(append, { count: 3, messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0, durability: 'fsync' })
  t.deepEqual(idsIn(append!.bytes), [client.nextId - 3, client.nextId - 2, client.nextId - 1])
  t.is(decodeFrame(append!.bytes, 0, frames[0]!.length).origin, client.connection.number)
  t.deepEqual(client.frames(), [])
})

test('queue: what is published waits until the store has told, and is counted as stored then', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.isHolding = true
  client.publish('jobs')
  const account = rig.core.accounts.channel('jobs')!
  t.like(account, { accepted: 1, deliveries: 1, pending: 1, stored: 0, imbalance: 0 })
  kept.release()
  t.like(account, { pending: 0, stored: 1, imbalance: 0 })
  t.true(rig.core.accounts.totals().balanced)
})

test('queue: a receipt comes when the message is stored, and says where', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.isHolding = true
  const id = client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt, payload: Buffer.from('x') })
  t.deepEqual(client.frames(), [], 'not before')
  kept.release()
  await rig.settle()
  const [receipt] = client.frames()
  t.like(receipt, { kind: Kind.receipt, ref: id })
  t.deepEqual(receipt!.body, { receivers: 1, stored: { queue: 'jobs', position: 1 } })
})

test('queue: a repeat under the same id is acknowledged as a duplicate, with the first one\'s position', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const client = rig.native()
  const say = (): number => client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt | Flag.headers, headers: { mid: 'a' } })
  say()
  say()
  await rig.settle()
  t.deepEqual(client.frames().map(({ body }) => (body as { stored: object }).stored), [{ queue: 'jobs', position: 1 }, { queue: 'jobs', position: 1, duplicate: true }])
  t.like(rig.core.accounts.channel('jobs'), { accepted: 2, stored: 2, imbalance: 0 })
})

test('queue: the headers of a message are its options in the store', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const nowMs = Math.floor(rig.clock.wallMicros() / 1000)
  client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.headers, headers: { mid: 'm', ttl: 5000, delay: 300, session: 's', sequence: 7, durability: 'os' } })
  client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.headers, headers: { deliverAt: nowMs + 1234 } })
  await rig.settle()
  t.like(kept.kept[0], { messageId: 'm', expiresAtMs: nowMs + 5000, dueAtMs: nowMs + 300, session: 's', sequence: 7, durability: 'os', count: 1 })
  t.like(kept.kept[1], { messageId: undefined, expiresAtMs: 0, dueAtMs: nowMs + 1234, session: undefined, sequence: 0, durability: 'fsync' })
})

test('queue: a time to live counts from what the system clock says now, not from the stamp that follows it within a second', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const nowMs = rig.clock.wallMs() + 3_600_000
  rig.clock.wallMs = () => nowMs
  client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.headers, headers: { ttl: 5000, delay: 300 } })
  await rig.settle()
  t.like(kept.kept[0], { expiresAtMs: nowMs + 5000, dueAtMs: nowMs + 300 })
})

test('queue: options that mean nothing are refused by name, and nothing is stored', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const wrong = [{ delay: -1 }, { delay: 2 ** 31 }, { delay: '5' }, { deliverAt: 1.5 }, { delay: 1, deliverAt: 2 }, { session: '' }, { session: 'x'.repeat(257) }, { sequence: 0 }, { durability: 'disk' }, { $attempt: 2 }, { mid: 'x'.repeat(257) }, { mid: 5 }]
  for (const headers of wrong) client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.headers, headers })
  await rig.settle()
  t.deepEqual(client.frames().map(({ body }) => (body as { code: string }).code), wrong.map(() => 'queue.bad_option'))
  t.is(kept.kept.length, 0)
  t.like(rig.core.accounts.channel('jobs'), { accepted: 0, rejected: wrong.length, imbalance: 0 })
})

test('queue: channels that keep nothing refuse what only a queue could do, and pass session and sequence', t => {
  const rig = new QueuePipeline()
  const client = rig.native()
  const [other] = [rig.native()]
  other.subscribe(1, 'command')
  other.frames()
  for (const headers of [{ delay: 5 }, { deliverAt: 5 }, { durability: 'os' }]) client.send({ kind: Kind.publish, subject: 'command', flags: Flag.headers, headers })
  t.deepEqual(client.frames().map(({ body }) => (body as { code: string }).code), ['queue.bad_option', 'queue.bad_option', 'queue.bad_option'])
  client.send({ kind: Kind.publish, subject: 'command', flags: Flag.headers, headers: { session: 's', sequence: 3, durability: 'memory' } })
  t.is(other.messages().length, 1)
  t.deepEqual(client.frames(), [])
})

test('queue: what the store refuses its publisher is told by one error for the whole run, asked for or not', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.refusal = new BrokerError('queue.full', { queue: 'jobs', messages: 5, bytes: 5, maxMessages: 5, maxBytes: 0 })
  const first = client.nextId
  client.link.arrive(Buffer.concat([1, 2].map(() => client.frame({ kind: Kind.publish, subject: 'jobs' }))))
  await rig.settle()
  const [error, ...more] = client.frames()
  t.like(error, { kind: Kind.error, ref: first })
  t.like(error!.body, { code: 'queue.full', retryable: true, details: { count: 2 } })
  t.deepEqual(more, [])
  t.is(rig.core.accounts.channel('jobs')!.dropped['not-stored'], 2)
  t.is(rig.core.accounts.channel('jobs')!.imbalance, 0)
})

test('queue: while its store is away it refuses by name, and takes again when it is back', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const client = rig.native()
  const say = (): number => client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt })
  rig.core.queues.away(new BrokerError('store.failed', { backend: 'memory', problem: 'its thread ended' }))
  say()
  await rig.settle()
  t.is((client.frames()[0]!.body as { code: string }).code, 'store.failed')
  await rig.core.queues.back(rig.store)
  say()
  await rig.settle()
  t.is(client.frames()[0]!.kind, Kind.receipt)
})

test('queue: one whose channel is down is not opened when the store is back, and is when its channel starts', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const { queues } = rig.core
  const away = new BrokerError('store.failed', { backend: 'memory', problem: 'its thread ended' })
  const queue = queues.find('jobs')!
  await queue.close(away)
  queues.away(away)
  await queues.back(rig.store)
  t.is(queue.stored, undefined)
  await rig.openQueue('jobs')
  t.is(queue.stored, rig.store.queues.get('jobs'))
})

test('queue: closed while the store that is back opens it, it leaves nothing open', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const { queues } = rig.core
  const queue = queues.find('jobs')!
  const closed = new BrokerError('store.unavailable', { backend: 'memory', problem: 'queue "jobs" is closed' })
  queues.away(closed)
  const { promise, resolve } = Promise.withResolvers<void>()
  rig.store.opening = promise
  const opening = queues.back(rig.store)
  const closing = queue.close(closed)
  resolve()
  await Promise.all([opening, closing])
  t.is(queue.stored, undefined)
  t.true(rig.store.queues.get('jobs')!.isClosed)
})

test('queue: with order by sender, a run is stored message by message under its sender\'s name', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs', { ordering: { enabled: true, guarantee: 'per_session', bufferSize: 10, timeoutMs: 1000 } })
  const client = rig.native({ client: 'alice' })
  const first = client.nextId
  client.link.arrive(Buffer.concat([1, 2].map(() => client.frame({ kind: Kind.publish, subject: 'jobs' }))))
  await rig.settle()
  t.deepEqual(kept.kept.map(({ count, session, bytes }) => [count, session, ...idsIn(bytes)]), [[1, 'alice', first], [1, 'alice', first + 1]])
})

test('queue: subscribers of its subjects see what is published too, and the receipt with fates tells both', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const [client, watcher] = [rig.native(), rig.native()]
  watcher.subscribe(1, 'jobs.>')
  watcher.frames()
  client.send({ kind: Kind.publish, subject: 'jobs.a', flags: Flag.receipt | Flag.headers, headers: { receipt: 'delivered' } })
  await rig.settle()
  t.is(watcher.messages().length, 1)
  t.deepEqual(client.frames()[0]!.body, { receivers: 2, written: 1, stored: { queue: 'jobs', position: 1 }, dropped: {} })
  t.like(rig.core.accounts.channel('jobs'), { accepted: 1, deliveries: 2, written: 1, stored: 1, imbalance: 0 })
})

test('queue: who publishes faster than the store writes is not read until it has caught up', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.isHolding = true
  const run = Buffer.concat(Array.from({ length: 1000 }, () => client.frame({ kind: Kind.publish, subject: 'jobs', payload: new Uint8Array(70_000) })))
  client.link.arrive(run)
  t.is(client.connection.pauses, 1)
  kept.release()
  t.is(client.connection.pauses, 0)
  t.like(rig.core.queues.load, { bytes: 0, messages: 0 })
})

test('queue: one that holds messages is not deleted unless it is forced, and goes on', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  const { queues } = rig.core
  client.publish('jobs')
  kept.isHolding = true
  client.publish('jobs')
  const refused = t.throwsAsync(queues.vacate('jobs', false), { instanceOf: BrokerError })
  client.publish('jobs')
  kept.release()
  const { code, details } = await refused
  t.is(code, 'queue.not_empty')
  t.is(details['messages'], 2, 'what was on its way counts')
  t.deepEqual(client.frames().map(({ body }) => (body as { code: string }).code), ['channel.not_found'], 'what came meanwhile was refused')
  client.publish('jobs')
  await rig.settle()
  t.is(kept.kept.length, 3)
  await t.notThrowsAsync(queues.vacate('jobs', true))
})

test('queue: an empty one may be deleted; what is published meanwhile is refused', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const client = rig.native()
  await rig.core.queues.vacate('jobs', false)
  client.publish('jobs')
  await rig.settle()
  t.is((client.frames()[0]!.body as { code: string }).code, 'channel.not_found')
})

test('queue: a JSON client finds its own id in the receipt that comes later, and in the refusal', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.json()
  client.send({ type: 'event', channel: 'jobs', id: 'a', receipt: 'accepted', payload: 1 })
  await rig.settle()
  t.deepEqual(client.lines(), [{ type: 'receipt', ref: 'a', payload: { receivers: 1, stored: { queue: 'jobs', position: 1 } } }])
  kept.refusal = new BrokerError('queue.full', { queue: 'jobs' })
  client.send({ type: 'event', channel: 'jobs', id: 'b', receipt: 'accepted', payload: 1 }, { type: 'event', channel: 'jobs', id: 'c', payload: 1 })
  await rig.settle()
  t.like(client.lines(), [{ type: 'error', ref: 'b', payload: { code: 'queue.full' } }, { type: 'error', payload: { code: 'queue.full', details: { mid: 'c' } } }])
})

test('queue: a broker that stops waits for the store, so that receipts still leave; nothing new is read meanwhile', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  await rig.pipeline.lastReceipts(1000)
  t.is(client.connection.pauses, 0, 'where nothing waits nobody is paused')
  kept.isHolding = true
  client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt })
  const last = rig.pipeline.lastReceipts(1000)
  t.is(client.connection.pauses, 1)
  kept.release()
  await last
  rig.core.end(client.connection, new BrokerError('connection.draining'))
  t.deepEqual(client.frames().map(({ kind }) => kind), [Kind.receipt, Kind.goodbye])
})

test('queue: a store that does not answer holds no stop up for longer than its time', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.native()
  kept.isHolding = true
  client.publish('jobs')
  const last = rig.pipeline.lastReceipts(1000)
  await rig.advance(1000)
  await t.notThrowsAsync(last)
})

test('queue: a message that asks for more than its store can give is refused by name, not confirmed', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs', { durability: 'memory' })
  const client = rig.native()
  for (const durability of ['fsync', 'memory']) client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.headers | Flag.receipt, headers: { durability } })
  await rig.settle()
  const [refused, stored] = client.frames()
  t.is((refused!.body as { code: string }).code, 'store.durability')
  t.is(stored!.kind, Kind.receipt)
  t.is(kept.kept.length, 1)
})

test('queue: trouble that the store tells of while it opens is not forgotten', async t => {
  const rig = new QueuePipeline()
  const problem = new BrokerError('store.no_space', { path: '/x' })
  const open = rig.store.open.bind(rig.store)
  rig.store.open = (name, settings, listener) => {
    listener.stateChanged(problem)
    return open(name, settings, listener)
  }
  await rig.openQueue('jobs')
  t.is(rig.core.queues.find('jobs')!.problem, problem)
})
