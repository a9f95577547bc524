import test from 'ava'
import { createHmac } from 'node:crypto'
import { encode } from '@msgpack/msgpack'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Flag, Kind } from '../../broker/ground/kind.ts'
import type { Forward, SettleOutcome } from '../../broker/ground/store.ts'
import { decodeFrame, encodeFrame, type FrameInit } from '../../broker/wire/frame.ts'
import { signedParts } from '../../broker/wire/signature.ts'
import type { FakeQueue } from '../support/fake-store.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN } from '../support/pipeline.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

interface Rig {
  readonly rig: QueuePipeline
  readonly source: FakeQueue
  readonly target: FakeQueue
  readonly worker: NativeClient
  readonly forwards: Forward[]
  /** Forwards position 1 as these frames; the code of the error, or `ok`. */
  readonly forward: (...frames: readonly Uint8Array[]) => Promise<string>
  outcome: SettleOutcome
}

const frame = (init: Partial<FrameInit> = {}): Uint8Array => encodeFrame({ kind: Kind.publish, subject: 'shipped.new', payload: Uint8Array.of(9), ...init })

async function setUp(publish: readonly string[] = ['>']): Promise<Rig> {
  const rig = new QueuePipeline()
  const source = await rig.openQueue('orders')
  const target = await rig.openQueue('shipped')
  rig.addPrincipal({ name: 'worker', publish: { allow: publish, deny: [] } }, 'worker-token')
  const worker = rig.native({ principal: 'worker', auth: { token: 'worker-token' }, client: 'worker' })
  worker.control(Kind.subscribe, 1, { pattern: 'orders', consume: true })
  worker.control(Kind.pull, 1, { messages: 10 })
  rig.native().publish('orders')
  await rig.settle()
  source.listener.leased([{ position: 1, attempt: 1, frame: source.kept[0]!.bytes }])
  worker.frames()
  const forwards: Forward[] = []
  const made: Rig = {
    rig, source, target, worker, forwards,
    outcome: { lost: [] },
    async forward(...frames) {
      worker.control(Kind.settle, 1, { forward: [[1, 1, frames]] })
      await rig.settle()
      const [answer] = worker.frames()
      return answer?.kind === Kind.ok ? 'ok' : codeOf(answer!)
    },
  }
  source.forward = (forward, done) => {
    forwards.push(forward)
    queueMicrotask(() => {
      const { lost, error } = made.outcome
      if (lost.length === 0 && error === undefined) forward.to.forEach(({ append }, i) => append.watch.stored(i + 1, 1, false))
      done(made.outcome)
    })
  }
  return made
}

test('forwarding: a message becomes others in one step, stamped with who forwards it', async t => {
  const { rig, worker, forwards, forward } = await setUp()
  t.is(await forward(frame({ headers: { mid: 'a-1', delay: 500 } }), frame({ subject: 'orders' })), 'ok')
  const [{ position, attempt, to }] = forwards as [Forward]
  t.deepEqual([position, attempt, to.map(({ queue }) => queue)], [1, 1, ['shipped', 'orders']])
  const [first] = to
  const { bytes, start, end, messageId, dueAtMs } = first!.append
  t.is(messageId, 'a-1')
  t.is(dueAtMs, Math.floor(rig.clock.wallMicros() / 1000) + 500)
  const stored = decodeFrame(bytes, start, end)
  t.like(stored, { kind: Kind.publish, origin: worker.connection.number, id: worker.nextId - 1, time: rig.clock.wallMicros(), subject: 'shipped.new' })
  for (const [channel, stored] of [['shipped', 1], ['orders', 2]] as const) t.like(rig.core.accounts.channel(channel), { stored, accepted: stored, imbalance: 0 }, channel)
  t.is(rig.core.queues.find('orders')!.consumers.inFlight, 0)
})

test('forwarding: nothing of it is done when one of its frames could not be published', async t => {
  const { forwards, forward, rig } = await setUp(['orders', 'shipped.>', 'news'])
  rig.openChannel({ name: 'news' })
  const good = frame()
  t.is(await forward(good, frame({ subject: 'shipped' })), 'permission.denied')
  t.is(await forward(good, frame({ subject: 'news' })), 'queue.consumer')
  t.is(await forward(good, frame({ subject: 'shipped.*' })), 'subject.invalid')
  t.is(await forward(good, encodeFrame({ kind: Kind.request, subject: 'shipped.new' })), 'frame.unsupported')
  t.is(await forward(good, frame({ flags: Flag.receipt })), 'frame.unsupported')
  t.is(await forward(good, frame({ headers: { sender: 'somebody' } })), 'envelope.sender_mismatch')
  t.is(await forward(good, frame({ headers: { delay: -1 } })), 'queue.bad_option')
  t.is(await forward(good, good.subarray(0, -1)), 'frame.malformed')
  t.is(await forward(good, new Uint8Array(0)), 'frame.malformed')
  t.is(await forward(good, Uint8Array.of(0, 0, 0, 1, 0xc0)), 'frame.malformed')
  t.deepEqual(forwards, [])
  t.is(await forward(good), 'ok', 'it is on lease all the same')
})

test('forwarding: where messages must be signed, what is forwarded must be', async t => {
  const rig = new QueuePipeline({ ipc: { security: { validateSignature: true } } })
  const source = await rig.openQueue('orders')
  const kept: Forward[] = []
  source.forward = (forward, done) => {
    kept.push(forward)
    queueMicrotask(() => done({ lost: [] }))
  }
  const worker = rig.native()
  worker.control(Kind.subscribe, 1, { pattern: 'orders', consume: true })
  worker.control(Kind.pull, 1, { messages: 1 })
  source.listener.leased([{ position: 1, attempt: 1, frame: frame({ subject: 'orders' }) }])
  worker.frames()
  const signed = frame({ subject: 'orders', flags: Flag.signed, headers: { sig: new Uint8Array(32) } })
  const forward = async (bytes: Uint8Array): Promise<unknown> => {
    worker.control(Kind.settle, 1, { forward: [[1, 1, [bytes]]] })
    await rig.settle()
    return worker.frames().map(answer => (answer.kind === Kind.ok ? 'ok' : codeOf(answer)))
  }
  t.deepEqual(await forward(frame({ subject: 'orders' })), ['auth.signature_missing'])
  t.deepEqual(await forward(signed), ['auth.signature_invalid'])
  const { covered, signature } = signedParts(signed, true)!
  const mac = createHmac('sha256', OWNER_TOKEN)
  for (const part of covered) mac.update(part)
  signature.set(mac.digest())
  t.deepEqual(await forward(signed), ['ok'])
  t.is(kept.length, 1)
})

test('forwarding: any encoding of a frame will do', async t => {
  const { forwards, forward } = await setUp()
  const body = encode([Kind.publish, 0, 0, 0, 0, 'shipped', null, Uint8Array.of(7)])
  t.is(await forward(Uint8Array.of(0, 0, 0, body.length, ...body)), 'ok')
  const { bytes } = forwards[0]!.to[0]!.append
  t.deepEqual([...decodeFrame(bytes, 0, bytes.length).payload], [7])
})

test('forwarding: the store has the last word, and what it refused may be said again', async t => {
  const made = await setUp()
  const { rig, forward, worker } = made
  made.outcome = { lost: [], error: new BrokerError('queue.full', { queue: 'shipped', messages: 1, bytes: 1, maxMessages: 1, maxBytes: 1 }) }
  t.is(await forward(frame()), 'queue.full')
  t.like(rig.core.accounts.channel('shipped'), { accepted: 0, stored: 0, imbalance: 0 })
  made.outcome = { lost: [1] }
  worker.control(Kind.settle, 1, { ack: [7, 1], forward: [[1, 1, [frame()]], [8, 1, [frame()]]] })
  await rig.settle()
  const [ok] = worker.frames()
  t.deepEqual((ok!.body as { lost: number[] }).lost.toSorted((a, b) => a - b), [1, 7, 8])
  t.like(rig.core.accounts.channel('shipped'), { accepted: 0, stored: 0, imbalance: 0 })
})

test('forwarding: where the store cannot, it is refused by name', async t => {
  const { source, forward } = await setUp()
  source.forward = undefined
  t.is(await forward(frame()), 'queue.unsupported')
})

test('forwarding: while the store is away, that is why it is refused', async t => {
  const { rig, forward } = await setUp()
  rig.core.queues.away(new BrokerError('store.unavailable', { backend: 'memory', problem: 'the test says so' }))
  t.is(await forward(frame()), 'store.unavailable')
})
