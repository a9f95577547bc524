import test from 'ava'
import fc from 'fast-check'
import { WAITING_SLICE_BYTES } from '../../broker/delivery/marks.ts'
import { overflows, type Overflow } from '../../broker/ground/settings.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import type { NativeClient, ReceivedFrame } from '../support/memory-client.ts'
import { PipelineRig, type HelloFields } from '../support/pipeline.ts'

const LIMIT = 128 * 1024
const HIGH = LIMIT * 0.75
const STALL_MS = 200

interface GapBody {
  readonly reason: string
  readonly count: number
  readonly ranges: readonly { origin: number; from: number; to: number; subject: string; count: number }[]
  readonly more: boolean
}

function rigWith(overflow: Overflow): PipelineRig {
  return new PipelineRig({ ipc: { limits: { maxPendingBytes: LIMIT, stallMs: STALL_MS, overflow } } })
}

/** A subscriber whose kernel takes nothing from now on. */
function stuck(rig: PipelineRig, subject: string, hello: HelloFields = {}): NativeClient {
  const client = rig.native(hello)
  client.subscribe(1, subject)
  client.frames()
  client.link.kernelBytes = 0
  return client
}

/** Publishes messages that count for 1,000 bytes each, a turn each, until the sender is paused or `most` are out. */
function fill(client: NativeClient, subject: string, most = 400): number {
  let sent = 0
  for (; sent < most && !client.link.isPaused; sent++) {
    client.publish(subject, new Uint8Array(1000 - WAITING_SLICE_BYTES - 41 - subject.length))
    client.turn()
  }
  return sent
}

function everything(client: NativeClient): ReceivedFrame[] {
  client.link.kernelBytes = Infinity
  return client.frames()
}

const isGap = ({ kind }: ReceivedFrame): boolean => kind === Kind.gap
const gaps = (frames: readonly ReceivedFrame[]): GapBody[] => frames.filter(isGap).map(({ body }) => body as GapBody)

for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
  test(`overflow: ${overflow} drops after the stall, says how many and which, and slows nobody any more`, async t => {
    const rig = rigWith(overflow)
    const [receiver, feeder] = [stuck(rig, 'a'), rig.native()]
    const first = feeder.nextId
    fill(feeder, 'a')
    t.true(feeder.link.isPaused)
    await rig.advance(STALL_MS + 20)
    t.false(feeder.link.isPaused, 'the stall is over')
    t.is(receiver.connection.state, 'ready')
    fill(feeder, 'a', 50)
    t.false(feeder.link.isPaused)
    const sent = feeder.nextId - first
    const frames = everything(receiver)
    const [gap, ...others] = gaps(frames)
    t.deepEqual(others, [])
    const got = frames.filter(({ kind }) => kind === Kind.publish).map(({ id }) => id)
    t.is(got.length + gap!.count, sent)
    t.is(gap!.reason, 'overflow')
    const [range] = gap!.ranges
    t.like(range, { origin: feeder.connection.number, subject: 'a', count: gap!.count })
    t.is(range!.to - range!.from + 1, gap!.count)
    t.false(got.some(id => id >= range!.from && id <= range!.to))
    // The notice stands where the messages are missing.
    const at = frames.findIndex(isGap)
    t.true(frames.slice(0, at).every(({ kind, id }) => kind !== Kind.publish || id < range!.from))
    t.true(frames.slice(at + 1).every(({ kind, id }) => kind !== Kind.publish || id > range!.to))
    const totals = rig.core.accounts.totals()
    t.true(totals.balanced)
    t.is(totals.dropped.overflow, gap!.count)
    t.is(receiver.connection.outbound.dropped!.overflow, gap!.count)
    // Caught up: the next time its publishers are slowed down again first.
    receiver.link.kernelBytes = 0
    fill(feeder, 'a')
    t.true(feeder.link.isPaused)
    t.is(rig.core.accounts.totals().dropped.overflow, gap!.count)
  })
}

test('overflow: drop-oldest keeps the newest, also where what is in flight alone is above the limit', async t => {
  const rig = rigWith('drop-oldest')
  const [receiver, feeder] = [stuck(rig, 'a'), rig.native()]
  // One turn, so one write, which nothing can take back.
  for (let i = 0; i < 2; i++) feeder.publish('a', new Uint8Array(60 * 1024))
  feeder.turn()
  await rig.advance(STALL_MS + 20)
  fill(feeder, 'a', 50)
  const last = feeder.publish('a')
  const frames = everything(receiver)
  t.is(frames.at(-1)!.id, last)
  t.is(gaps(frames).reduce((sum, { count }) => sum + count, 0), 50)
  t.true(rig.core.accounts.totals().balanced)
})

for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
  test(`overflow: a burst of more messages than the limit ends nobody who chose ${overflow}`, async t => {
    const rig = rigWith('disconnect')
    const [receiver, feeder] = [stuck(rig, 'a', { flow: { overflow, maxPendingMessages: 8 } }), rig.native()]
    for (let turn = 0; turn < 3; turn++) {
      // One chunk, so one run and one slice: the first is in flight when the next comes.
      feeder.link.arrive(Buffer.concat(Array.from({ length: 100 }, () => feeder.frame({ kind: Kind.publish, subject: 'a' }))))
      feeder.turn()
      await rig.advance(STALL_MS + 20)
    }
    t.is(receiver.connection.state, 'ready')
    const frames = everything(receiver)
    const got = frames.filter(({ kind }) => kind === Kind.publish).length
    t.true(got >= 100, 'what was in flight came')
    t.is(got + gaps(frames).reduce((sum, { count }) => sum + count, 0), 300)
  })
}

test('overflow: block waits as long as it takes, and loses nothing', async t => {
  const rig = rigWith('block')
  const [receiver, feeder] = [stuck(rig, 'a'), rig.native()]
  const sent = fill(feeder, 'a')
  await rig.advance(20 * STALL_MS)
  t.true(feeder.link.isPaused)
  t.is(receiver.connection.state, 'ready')
  t.is(everything(receiver).filter(({ kind }) => kind === Kind.publish).length, sent)
  t.false(feeder.link.isPaused)
})

test('overflow: a client chooses its own policy and lower limits, never higher ones', async t => {
  const rig = rigWith('disconnect')
  const small = stuck(rig, 'a', { flow: { overflow: 'drop-oldest', maxPendingBytes: 64 * 1024 } })
  const large = stuck(rig, 'b', { flow: { maxPendingBytes: 1024 * LIMIT } })
  const few = stuck(rig, 'c', { flow: { overflow: 'drop-newest', maxPendingMessages: 8 } })
  const feeders = [rig.native(), rig.native(), rig.native()]
  t.deepEqual(feeders.map((feeder, i) => fill(feeder, 'abc'[i]!)), [Math.ceil((64 * 1024 * 0.75) / 1000), Math.ceil(HIGH / 1000), 6])
  await rig.advance(STALL_MS + 20)
  t.deepEqual([small, large, few].map(({ connection }) => connection.state), ['ready', 'closing', 'ready'])
})

test('overflow: a receiver that was not reading before is waited for by nobody', async t => {
  const rig = rigWith('drop-oldest')
  const [receiver, feeder] = [stuck(rig, 'a'), rig.native()]
  // Slowly enough that its reading, or not, can be seen.
  for (let i = 0; i < 200; i++) {
    t.is(fill(feeder, 'a', 1), 1, `message ${i} is read at once`)
    await rig.advance(20)
  }
  const frames = everything(receiver)
  t.is(frames.filter(({ kind }) => kind === Kind.publish).length + gaps(frames)[0]!.count, 200)
})

test('overflow: who publishes to a channel that blocks waits, also for a receiver that drops everything else', async t => {
  const rig = rigWith('drop-oldest')
  rig.openChannel({ name: 'orders' }, { overflow: 'block', maxPendingMessages: undefined, maxPendingBytes: undefined })
  const receiver = stuck(rig, '>')
  const [feeder, other] = [rig.native(), rig.native()]
  // Slowly: nobody waits for it, it drops.
  for (let i = 0; i < 120; i++) {
    fill(other, 'news', 1)
    await rig.advance(20)
  }
  t.true(receiver.connection.outbound.isShedding)
  const sent = fill(feeder, 'orders')
  t.true(feeder.link.isPaused)
  t.is(receiver.connection.state, 'ready')
  const frames = everything(receiver)
  t.is(frames.filter(({ subject }) => subject === 'orders').length, sent)
  t.false(feeder.link.isPaused)
})

test('overflow: a channel has a limit and a policy of its own', async t => {
  const rig = rigWith('disconnect')
  rig.openChannel({ name: 'telemetry' }, { overflow: 'drop-oldest', maxPendingMessages: 8, maxPendingBytes: undefined })
  const receiver = stuck(rig, '>')
  const [feeder, other] = [rig.native(), rig.native()]
  t.is(fill(feeder, 'telemetry.cpu'), 6)
  t.is(fill(other, 'orders', 20), 20, 'who publishes elsewhere goes on')
  await rig.advance(STALL_MS + 20)
  fill(feeder, 'telemetry.cpu', 50)
  fill(other, 'orders', 20)
  const frames = everything(receiver)
  t.is(receiver.connection.state, 'ready')
  t.is(frames.filter(({ subject }) => subject === 'orders').length, 40)
  const kept = frames.filter(({ subject }) => subject === 'telemetry.cpu').length
  t.is(kept + gaps(frames).reduce((sum, { count }) => sum + count, 0), 56)
  t.true(kept <= 8)
  t.is(rig.core.accounts.channel('telemetry')!.dropped.overflow, 56 - kept)
  t.true(rig.core.accounts.totals().balanced)
})

test('overflow: a wrong policy is named, and ends the handshake', t => {
  const client = rigWith('block').link()
  client.control(Kind.hello, 0, { auth: { token: 'whatever' }, flow: { overflow: 'drop' } })
  t.regex((client.frames().at(-1)!.body as { message: string }).message, /hello.flow.overflow must be one of block, drop-oldest, drop-newest, disconnect/)
})

test('time to live: what was not written in time is dropped as expired, told to both ends', async t => {
  const rig = rigWith('disconnect')
  const [receiver, sender] = [stuck(rig, 'a'), rig.native()]
  // The first write is in flight from now on: it can neither expire nor be dropped.
  sender.publish('a')
  sender.turn()
  sender.send({ kind: Kind.publish, subject: 'a', flags: Flag.receipt, headers: { ttl: 50, receipt: 'delivered' }, payload: new Uint8Array(8) })
  sender.publish('a')
  sender.turn()
  await rig.advance(80)
  t.deepEqual(sender.frames().find(({ kind }) => kind === Kind.receipt)!.body, { receivers: 1, written: 0, dropped: { expired: 1 } })
  const frames = everything(receiver)
  t.deepEqual(frames.map(({ kind }) => kind), [Kind.publish, Kind.gap, Kind.publish])
  t.like(gaps(frames)[0], { reason: 'expired', count: 1 })
  const totals = rig.core.accounts.totals()
  t.true(totals.balanced)
  t.is(totals.dropped.expired, 1)
})

test('time to live: within it nothing changes, and the header reaches the receiver', t => {
  const rig = rigWith('disconnect')
  const [receiver, sender] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  sender.send({ kind: Kind.publish, subject: 'a', headers: { ttl: 50 }, payload: new Uint8Array(8) })
  t.deepEqual(receiver.messages()[0]!.headers, { ttl: 50 })
})

test('receipts: delivered counts written and dropped, at once where nobody is there', async t => {
  const rig = rigWith('disconnect')
  const sender = rig.native()
  const ask = (): number => sender.send({ kind: Kind.publish, subject: 'a', flags: Flag.receipt, headers: { receipt: 'delivered' }, payload: new Uint8Array(8) })
  const answer = (ref: number): unknown => sender.frames().find((frame) => frame.kind === Kind.receipt && frame.ref === ref)?.body
  t.deepEqual(answer(ask()), { receivers: 0, written: 0, dropped: { 'no-interest': 1 } })
  const [one, two] = [rig.native(), stuck(rig, 'a')]
  one.subscribe(1, 'a')
  one.frames()
  const id = ask()
  t.is(answer(id), undefined, 'one of them has not got it')
  two.link.hangUp()
  await rig.advance(1)
  t.deepEqual(answer(id), { receivers: 2, written: 1, dropped: { 'actor-gone': 1 } })
})

test('overflow: whatever is sent, read and waited for, each message is got once, in order, or told as lost', async t => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom<Overflow>('drop-oldest', 'drop-newest', 'block'), fc.array(step, { maxLength: 40 }), async (overflow, steps) => {
      const rig = rigWith(overflow)
      const [receiver, feeder] = [stuck(rig, 'a'), rig.native()]
      const first = feeder.nextId
      const frames: ReceivedFrame[] = []
      for (const each of steps) {
        if (each.kind === 'publish') for (let i = 0; i < each.count; i++) fill(feeder, 'a', 1)
        else if (each.kind === 'wait') await rig.advance(each.ms)
        else {
          receiver.link.kernelBytes = each.bytes
          frames.push(...receiver.parse(receiver.link.read(each.bytes)))
          rig.turn()
        }
        t.true(rig.core.accounts.totals().balanced)
      }
      frames.push(...everything(receiver))
      let next = first
      for (const { kind, id, body } of frames) {
        if (kind === Kind.gap) next += (body as GapBody).count
        else if (kind === Kind.publish) {
          t.is(id, next)
          next++
        }
      }
      t.is(next, feeder.nextId)
      t.is(rig.core.accounts.totals().pending, 0)
    }),
    { numRuns: 60 },
  )
})

test('overflow: answers that nobody reads end a connection at its ceiling, whatever its policy, and whatever else waits', t => {
  for (const overflow of overflows) {
    for (const hasMessages of [false, true]) {
      const rig = rigWith(overflow)
      const flooder = rig.native()
      if (hasMessages) flooder.subscribe(1, 'some')
      flooder.frames()
      flooder.link.kernelBytes = 0
      if (hasMessages) rig.native().publish('some', new Uint8Array(100))
      let pings = 0
      while (flooder.connection.isReady && pings < 10_000) {
        flooder.control(Kind.ping, 0)
        if (++pings % 50 === 0) rig.turn()
      }
      const what = `${overflow}${hasMessages ? ', with messages' : ''}`
      t.is(flooder.connection.closeReason?.code, 'connection.slow_consumer', what)
      t.true(flooder.connection.outbound.pendingBytes <= 2 * LIMIT, what)
      t.true(rig.core.accounts.totals().balanced, what)
    }
  }
})
