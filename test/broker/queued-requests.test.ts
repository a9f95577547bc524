import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/ground/kind.ts'
import { Offset } from '../../broker/wire/layout.ts'
import { readUint53, writeUint53 } from '../../broker/wire/integers.ts'
import type { FakeQueue } from '../support/fake-store.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN } from '../support/pipeline.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

const QUEUE = 'jobs'

interface Rig {
  readonly rig: QueuePipeline
  readonly queue: FakeQueue
  readonly asker: NativeClient
  readonly worker: NativeClient
  /** Asks, and lets the store keep it; the request's id. */
  readonly ask: (more?: { readonly flags?: number; readonly subject?: string }) => Promise<number>
  /** What the store does when something is demanded; the worker reads it. */
  readonly lease: (attempt?: number, by?: NativeClient) => void
  readonly answer: (id: number, by?: NativeClient, kind?: number) => void
}

function consume(client: NativeClient): void {
  client.control(Kind.subscribe, 1, { pattern: QUEUE, consume: true })
  client.control(Kind.pull, 1, { messages: 10 })
  client.frames()
}

async function setUp(): Promise<Rig> {
  const rig = new QueuePipeline()
  const queue = await rig.openQueue(QUEUE)
  const asker = rig.native({ client: 'asker' })
  const worker = rig.native({ client: 'worker' })
  consume(worker)
  return {
    rig, queue, asker, worker,
    async ask({ flags = 0, subject = QUEUE } = {}) {
      const id = asker.send({ kind: Kind.request, subject, flags, to: 5000, payload: Uint8Array.of(1) })
      await rig.settle()
      return id
    },
    lease(attempt = 1, by = worker) {
      const { position, bytes } = queue.kept.at(-1)!
      queue.listener.leased([{ position, attempt, frame: bytes }])
      const [frame] = by.messages()
      if (frame?.kind !== Kind.leasedRequest) throw new Error(`expected the request, got ${frame?.kind}`)
    },
    answer: (id, by = worker, kind = Kind.response) => void by.send({ kind, to: asker.connection.number, ref: id, subject: QUEUE, payload: Uint8Array.of(2) }),
  }
}

test('queued requests: who gets it on lease answers it', async t => {
  const { rig, asker, worker, ask, lease, answer } = await setUp()
  const id = await ask()
  t.deepEqual(asker.frames(), [], 'it waits')
  t.is(rig.pipeline.openRequests, 1)
  answer(id)
  t.is(codeOf(worker.frames()[0]!), 'request.not_open', 'nobody answers what it did not get')
  lease()
  answer(id)
  const [response] = asker.messages()
  t.deepEqual([response?.kind, response?.ref, response?.origin], [Kind.response, id, worker.connection.number])
  t.is(rig.pipeline.openRequests, 0)
  worker.control(Kind.settle, 1, { ack: [1, 1] })
  await rig.settle()
  t.deepEqual(worker.frames().map(({ kind }) => kind), [Kind.ok])
})

test('queued requests: whoever had it is gone, and the next one answers', async t => {
  const { rig, asker, worker, ask, lease, answer } = await setUp()
  const id = await ask()
  lease()
  worker.link.destroy()
  rig.turn()
  t.deepEqual(asker.frames(), [])
  const next = rig.native()
  consume(next)
  lease(2, next)
  answer(id, next)
  t.deepEqual(asker.messages().map(({ kind, ref }) => [kind, ref]), [[Kind.response, id]])
})

test('queued requests: a session that goes on answers what it has on lease', async t => {
  const { rig, asker, ask, lease, answer } = await setUp()
  const worker = rig.native({ client: 'lasting', sessionTtlMs: 60_000 })
  const { grant, session } = worker.connection
  rig.core.directory.client('worker')!.link.destroy()
  rig.turn()
  consume(worker)
  const id = await ask()
  lease(1, worker)
  worker.link.destroy()
  rig.turn()
  t.deepEqual(asker.frames(), [])
  const again = rig.link()
  again.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, client: 'lasting', sessionTtlMs: 60_000, resume: { session, secret: grant!.secret, received: 2 } })
  t.is(again.frames()[0]?.kind, Kind.welcome)
  again.continueAbove(100)
  answer(id, again)
  t.deepEqual(asker.messages().map(({ kind, ref }) => [kind, ref]), [[Kind.response, id]])
})

test('queued requests: what nobody will get any more is told at once', async t => {
  const { rig, queue, asker, ask, lease } = await setUp()
  const id = await ask()
  lease()
  queue.listener.happened([{ position: 1, event: 'retry', attempt: 1, reason: 'ack wait over', dueAtMs: 5 }])
  t.deepEqual(asker.frames(), [])
  lease(2)
  queue.listener.happened([{ position: 1, event: 'dead-lettered', attempt: 2, reason: 'max-attempts' }])
  const [error] = asker.frames()
  t.deepEqual([error?.kind, error?.ref, codeOf(error!)], [Kind.error, id, 'request.dead_lettered'])
  t.regex((error!.body as { message: string }).message, /max-attempts/)
  t.is(rig.pipeline.openRequests, 0)
})

test('queued requests: one that dies in the queue before anybody had it is told at once, a repeat of it is not', async t => {
  const { rig, queue, asker, ask } = await setUp()
  const id = await ask()
  queue.listener.happened([{ position: 1, event: 'dead-lettered', attempt: 0, reason: 'expired' }])
  t.deepEqual(asker.frames().map(frame => [frame.kind, frame.ref, codeOf(frame)]), [[Kind.error, id, 'request.dead_lettered']])
  queue.append = ({ watch }) => queueMicrotask(() => watch.stored(2, 1, true))
  await ask()
  queue.listener.happened([{ position: 2, event: 'dropped', attempt: 0, reason: 'overflow' }])
  t.deepEqual(asker.frames(), [])
  t.is(rig.pipeline.openRequests, 1)
})

test('queued requests: who has done it without an answer, and is gone, does not keep the requester waiting', async t => {
  const { rig, asker, worker, ask, lease } = await setUp()
  const id = await ask()
  lease()
  worker.control(Kind.settle, 1, { ack: [1, 1] })
  await rig.settle()
  t.deepEqual(asker.frames(), [], 'it may still answer')
  worker.link.destroy()
  rig.turn()
  const [error] = asker.frames()
  t.deepEqual([error?.ref, codeOf(error!)], [id, 'request.responder_gone'])
})

test('queued requests: an answer after the ack is an answer', async t => {
  const { rig, asker, worker, ask, lease, answer } = await setUp()
  const id = await ask()
  lease()
  worker.control(Kind.settle, 1, { ack: [1, 1] })
  await rig.settle()
  answer(id)
  t.deepEqual(asker.messages().map(({ kind, ref }) => [kind, ref]), [[Kind.response, id]])
})

test('queued requests: where many answers are wanted, its own is the last when the queue is done with it', async t => {
  const { rig, asker, worker, ask, lease, answer } = await setUp()
  const id = await ask({ flags: 1 << 10 })
  lease()
  answer(id)
  worker.control(Kind.settle, 1, { ack: [1, 1] })
  await rig.settle()
  const frames = asker.frames()
  t.deepEqual(frames.map(({ kind, ref }) => [kind, ref]), [[Kind.response, id], [Kind.end, id]])
  t.like(frames[1]!.body, { responses: 1, reason: 'complete' })
})

test('queued requests: one that the queue refuses fails by that error, one that it drops has no responder', async t => {
  const { rig, queue, asker, ask } = await setUp()
  queue.refusal = new BrokerError('queue.full', { queue: QUEUE, messages: 1, bytes: 1, maxMessages: 1, maxBytes: 1 })
  const id = await ask()
  t.deepEqual(asker.frames().map(frame => [frame.ref, codeOf(frame)]), [[id, 'queue.full']])
  t.is(rig.pipeline.openRequests, 0)
  queue.append = ({ watch }) => queueMicrotask(() => watch.dropped(1))
  const next = await ask()
  t.deepEqual(asker.frames().map(frame => [frame.ref, codeOf(frame)]), [[next, 'request.no_responders']])
  t.is(rig.pipeline.openRequests, 0)
})

test('queued requests: the deadline holds however long it waits in the queue', async t => {
  const { rig, asker, ask, lease, answer, worker } = await setUp()
  const id = await ask()
  await rig.advance(5001)
  t.is(codeOf(asker.frames()[0]!), 'request.timeout')
  lease()
  answer(id)
  t.is(codeOf(worker.frames()[0]!), 'request.not_open')
})

test('queued requests: one of a broker before this one is nobody\'s, though numbers are given again', async t => {
  const { queue, ask, worker, lease, answer } = await setUp()
  const id = await ask()
  const { bytes } = queue.kept[0]!
  writeUint53(bytes, Offset.time, readUint53(bytes, Offset.time) - 60_000_000)
  lease()
  answer(id)
  t.is(codeOf(worker.frames()[0]!), 'request.not_open')
})

test('queued requests: a subscriber that heard it live may answer as well', async t => {
  const { rig, asker, ask, answer } = await setUp()
  const listener = rig.native({ client: 'listener' })
  listener.subscribe(1, QUEUE)
  listener.frames()
  const id = await ask()
  t.deepEqual(listener.messages().map(({ kind }) => kind), [Kind.request])
  answer(id, listener)
  t.deepEqual(asker.messages().map(({ kind, ref }) => [kind, ref]), [[Kind.response, id]])
})
