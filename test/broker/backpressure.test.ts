import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { WAITING_SLICE_BYTES } from '../../broker/delivery/marks.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const LIMIT = 40_000
const HIGH = LIMIT * 0.75
const STALL_MS = 200

function rigWithLimit(): PipelineRig {
  return new PipelineRig({ ipc: { limits: { maxPendingBytes: LIMIT, stallMs: STALL_MS } } })
}

/** A client that subscribes to `subject` and whose kernel takes nothing from now on. */
function slowReceiver(rig: PipelineRig, subject: string): NativeClient {
  const client = rig.native()
  client.subscribe(1, subject)
  client.frames()
  client.link.kernelBytes = 0
  return client
}

/** Publishes until `client` is not read any more, which must come; returns how many bytes that counts for, messages of 1,000 each. */
function fill(client: NativeClient, subject: string): number {
  let published = 0
  while (!client.link.isPaused) {
    if (published > 3 * LIMIT) throw new Error('it is never paused')
    client.publish(subject, new Uint8Array(1000 - WAITING_SLICE_BYTES - 41 - subject.length))
    published += 1000
  }
  return published
}

test('back-pressure: above high-water the feeders are not read, below low-water they are again', t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const [feeder, other] = [rig.native(), rig.native()]
  t.is(fill(feeder, 'a'), HIGH)
  t.false(other.link.isPaused, 'who does not feed it is read')
  rig.turn()
  receiver.link.kernelBytes = 8 * (1000 - WAITING_SLICE_BYTES)
  receiver.link.read()
  rig.turn()
  t.true(feeder.link.isPaused, 'still above low-water')
  receiver.link.kernelBytes = Infinity
  receiver.frames()
  t.false(feeder.link.isPaused)
  t.deepEqual(rig.events.filter(([, event]) => event === 'stalled' || event === 'relieved'), [[receiver.connection.number, 'stalled'], [receiver.connection.number, 'relieved']])
})

test('back-pressure: after 200 ms the receiver is ended as slow consumer, told so, and its messages are accounted', async t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const feeder = rig.native()
  feeder.publish('a')
  rig.turn()
  fill(feeder, 'a')
  const sent = feeder.connection.receivedMessages
  await rig.advance(STALL_MS - 20)
  t.is(receiver.connection.state, 'ready')
  await rig.advance(40)
  t.is(receiver.connection.state, 'closing')
  t.false(feeder.link.isPaused)
  const { dropped, pending, written } = rig.core.accounts.totals()
  t.is(dropped['slow-consumer'] + pending + written, sent)
  t.true(dropped['slow-consumer'] > 0)
  receiver.link.kernelBytes = Infinity
  const last = receiver.frames().at(-1)!
  t.is(last.kind, Kind.goodbye)
  t.is(codeOf(last), 'connection.slow_consumer')
  t.is(rig.core.accounts.totals().pending, 0)
})

test('back-pressure: a slow consumer that does not even read its goodbye is cut off, the rest accounted as slow-consumer', async t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const feeder = rig.native()
  fill(feeder, 'a')
  rig.turn()
  await rig.advance(STALL_MS + 20)
  await rig.advance(1100)
  t.is(receiver.connection.state, 'gone')
  const { dropped, pending } = rig.core.accounts.totals()
  t.deepEqual([dropped['slow-consumer'], pending], [feeder.connection.receivedMessages, 0])
})

test('back-pressure: what comes for a slow consumer until its link is closed is dropped for the same reason; the error names its own limit', async t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const feeder = rig.native()
  fill(feeder, 'a')
  rig.turn()
  await rig.advance(STALL_MS + 20)
  t.is(receiver.connection.state, 'closing')
  const before = rig.core.accounts.totals().dropped['slow-consumer']
  feeder.publish('a')
  rig.turn()
  const { dropped } = rig.core.accounts.totals()
  t.deepEqual([dropped['slow-consumer'] - before, dropped['actor-gone']], [1, 0])
  t.is(receiver.connection.closeReason?.details['limitBytes'], receiver.connection.outbound.load.limits.hardBytes)
})

test('back-pressure: catching up in time starts the 200 ms anew', async t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const feeder = rig.native()
  for (let round = 0; round < 3; round++) {
    fill(feeder, 'a')
    t.true(feeder.link.isPaused)
    await rig.advance(150)
    receiver.link.kernelBytes = Infinity
    receiver.frames()
    receiver.link.kernelBytes = 0
  }
  t.is(receiver.connection.state, 'ready')
  t.is(rig.core.accounts.totals().dropped['slow-consumer'], 0)
})

test('back-pressure: a feeder above its own high-water is read on, until the hard limit', t => {
  const rig = rigWithLimit()
  const [one, two] = [rig.native(), rig.native()]
  const third = rig.native()
  one.subscribe(1, 'to.one')
  two.subscribe(1, 'to.two')
  for (const client of [one, two]) {
    client.frames()
    client.link.kernelBytes = 0
  }
  fill(third, 'to.one')
  t.true(one.connection.isHigh)
  const published = fill(one, 'to.two')
  t.is(published, LIMIT)
  t.true(two.connection.outbound.load.isHard)
})

test('back-pressure: two clients that write before they read do not wait for each other for ever', async t => {
  const rig = rigWithLimit()
  const [one, two] = [rig.native(), rig.native()]
  one.subscribe(1, 'to.one')
  two.subscribe(1, 'to.two')
  for (const client of [one, two]) {
    client.frames()
    client.link.kernelBytes = 0
  }
  // Each writes 36 KB, above high-water, before it reads.
  for (let i = 0; i < 36; i++) {
    one.publish('to.two', new Uint8Array(953))
    two.publish('to.one', new Uint8Array(953))
  }
  rig.turn()
  await rig.advance(STALL_MS / 2)
  for (const client of [one, two]) client.link.kernelBytes = Infinity
  t.is(one.messages().length, 36)
  t.is(two.messages().length, 36)
  t.deepEqual([one, two].map(({ connection }) => connection.pauses), [0, 0])
})

test('back-pressure: past the ceiling a receiver is ended at once, and memory stays bounded by it', t => {
  const rig = rigWithLimit()
  const receiver = slowReceiver(rig, 'a')
  const feeder = rig.native()
  const frame = { kind: Kind.publish, subject: 'a', payload: new Uint8Array(1000) }
  // In one chunk: read before anybody can be paused.
  feeder.link.arrive(Buffer.concat(Array.from({ length: 30 }, (_, i) => feeder.frame({ ...frame, subject: i % 2 === 0 ? 'a' : 'b' }))))
  t.is(receiver.connection.state, 'ready')
  let most = 0
  for (let i = 0; i < 100; i++) {
    const runs = Buffer.concat([feeder.frame(frame), feeder.frame({ ...frame, subject: 'b' })])
    feeder.link.resume()
    feeder.link.arrive(runs)
    most = Math.max(most, receiver.connection.outbound.pendingBytes)
  }
  t.is(receiver.connection.closeReason?.code, 'connection.slow_consumer')
  t.true(most <= LIMIT * 1.25 + 1100)
  t.is(feeder.connection.pauses, 0, 'nobody waits for a receiver that was ended')
})

test('back-pressure: a receiver that leaves, and a feeder that leaves, take their pauses along', t => {
  const rig = rigWithLimit()
  const [one, two] = [slowReceiver(rig, 'a'), slowReceiver(rig, 'a')]
  const [feeder, dying] = [rig.native(), rig.native()]
  fill(feeder, 'a')
  dying.publish('a')
  t.is(feeder.connection.pauses, 2)
  t.true(dying.link.isPaused)
  dying.link.hangUp()
  one.link.hangUp()
  rig.turn()
  t.is(feeder.connection.pauses, 1)
  two.link.hangUp()
  rig.turn()
  t.false(feeder.link.isPaused)
  t.is(dying.connection.pauses, 0)
})

test('back-pressure: whom the broker does not read is not stale', async t => {
  const rig = new PipelineRig({ ipc: { limits: { maxPendingBytes: LIMIT, stallMs: 60_000, heartbeatMs: 1000 } } })
  slowReceiver(rig, 'a')
  const feeder = rig.native({ heartbeatMs: 1000 })
  const silent = rig.native({ heartbeatMs: 1000 })
  fill(feeder, 'a')
  for (let beat = 0; beat < 5; beat++) await rig.advance(1010)
  t.is(silent.connection.closeReason?.code, 'connection.stale')
  t.is(feeder.connection.state, 'ready')
})

test('back-pressure: pauses are balanced whatever feeders and receivers do', async t => {
  const client = fc.nat({ max: 4 })
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('publish' as const), client, to: client, count: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), client, bytes: fc.constantFrom(5000, 30_000) }) },
    fc.record({ kind: fc.constant('hangUp' as const), client }),
    fc.record({ kind: fc.constant('wait' as const), client, ms: fc.constantFrom(50, 150, 1200) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async steps => {
      const rig = rigWithLimit()
      const clients = Array.from({ length: 5 }, (_, i) => slowReceiver(rig, `to.${i}`))
      for (const each of steps) {
        const { link } = clients[each.client]!
        if (each.kind === 'wait') await rig.advance(each.ms)
        else if (each.kind === 'hangUp') link.hangUp()
        else if (each.kind === 'read') {
          link.kernelBytes = each.bytes
          link.read()
          rig.turn()
          link.kernelBytes = 0
        } else if (!link.isClosed) for (let i = 0; i < each.count; i++) clients[each.client]!.publish(`to.${each.to}`, new Uint8Array(900))
        checkPauses(t, clients)
      }
      for (const { link } of clients) link.hangUp()
      rig.turn()
      t.true(clients.every(({ connection }) => connection.pauses === 0))
    }),
    { numRuns: 60 },
  )
})

/** A connection is paused as often as there are slow receivers that name it as their feeder. */
function checkPauses(t: ExecutionContext, clients: readonly NativeClient[]): void {
  for (const { connection, link } of clients) {
    const stalling = clients.filter(other => other.connection.stalledFeeders?.has(connection)).length
    t.is(connection.pauses, stalling)
    // What ends is read on, to pass it by.
    if (!connection.isEnding) t.is(link.isPaused, stalling > 0)
  }
}
