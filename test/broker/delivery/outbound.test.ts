import test from 'ava'
import { Flusher } from '../../../broker/delivery/flusher.ts'
import { outboundLimits, WAITING_SLICE_BYTES } from '../../../broker/delivery/marks.ts'
import { Outbound } from '../../../broker/delivery/outbound.ts'
import { Account, Slice } from '../../../broker/ground/slice.ts'
import type { LinkHandler } from '../../../broker/ground/types.ts'
import { LinkEvents, MemoryLink } from '../../support/memory-link.ts'
import { sliceOf } from '../../support/slice.ts'

const LIMIT = 4000

/** An outbound over a kernel that takes `kernelBytes`, and what it told its owner. */
function outboundOver(kernelBytes: number): { outbound: Outbound; link: MemoryLink; flusher: Flusher; told: string[]; events: LinkEvents } {
  const told: string[] = []
  const events = new LinkEvents()
  const link = new MemoryLink(events, { address: 'memory', pid: undefined, uid: undefined })
  link.kernelBytes = kernelBytes
  const flusher = new Flusher(outboundLimits(LIMIT, 0, 'disconnect'), 1024, () => 0, () => {})
  const outbound = new Outbound(link, flusher, {
    number: 1,
    relieved: () => told.push('relieved'),
    overflowed: () => told.push('overflowed'),
    lost: (slice, reason) => told.push(`lost ${slice.count} ${reason}`),
    gapNotice: () => undefined,
    late: () => {},
    expiresAt: () => {},
  })
  const handler: LinkHandler = { received: () => {}, ended: () => {}, written: () => outbound.written(), closed: () => told.push('closed') }
  link.attach(handler)
  return { outbound, link, flusher, told, events }
}

test('outbound: what is delivered in a turn leaves in one write', t => {
  const { outbound, link, flusher } = outboundOver(Infinity)
  for (let fill = 1; fill <= 3; fill++) t.true(outbound.deliver(sliceOf(10, { fill })))
  t.is(link.writes, 0)
  flusher.flush()
  t.is(link.writes, 1)
  t.deepEqual([...link.read()], [1, 2, 3].flatMap(fill => Array<number>(10).fill(fill)))
})

test('outbound: pending until the kernel took all of a write, then written', t => {
  const { outbound, link, flusher, events } = outboundOver(15)
  const account = new Account()
  outbound.deliver(sliceOf(10, { account, count: 2 }))
  outbound.deliver(sliceOf(10, { account }))
  t.deepEqual([account.pending, outbound.pendingMessages, outbound.pendingBytes], [3, 3, 20])
  flusher.flush()
  t.deepEqual([account.pending, account.written], [3, 0])
  link.read()
  events.run()
  t.deepEqual([account.pending, account.written, outbound.pendingMessages, outbound.pendingBytes, outbound.writtenMessages, outbound.writtenBytes], [0, 3, 0, 0, 3, 20])
})

test('outbound: one write at a time; what came meanwhile follows it', t => {
  const { outbound, link, flusher, events } = outboundOver(5)
  outbound.deliver(sliceOf(10, { fill: 1 }))
  flusher.flush()
  outbound.deliver(sliceOf(10, { fill: 2 }))
  flusher.flush()
  t.is(link.writes, 1)
  const got: number[] = []
  while (got.length < 20) {
    got.push(...link.read())
    events.run()
  }
  t.is(link.writes, 2)
  t.deepEqual(got, [...Array<number>(10).fill(1), ...Array<number>(10).fill(2)])
})

/** A slice that counts for so many bytes while it waits. */
const held = (bytes: number): Slice => sliceOf(bytes - WAITING_SLICE_BYTES)

test('outbound: marks are edges: full at high-water, relieved once below low-water, overflowed above the ceiling', t => {
  const { outbound, link, flusher, events, told } = outboundOver(0)
  t.true(outbound.deliver(held(2700)))
  t.false(outbound.deliver(held(300)))
  t.true(outbound.isHigh)
  t.false(outbound.load.isHard)
  t.false(outbound.deliver(held(1000)))
  t.true(outbound.load.isHard)
  flusher.flush()
  t.deepEqual(told, [])
  outbound.deliver(held(1000))
  t.deepEqual(told, [])
  outbound.deliver(held(300))
  t.deepEqual(told, ['overflowed'])
  link.kernelBytes = Infinity
  link.read()
  events.run()
  flusher.flush()
  t.deepEqual(told, ['overflowed', 'relieved'])
})

test('outbound: a small slice that must wait is copied out of its chunk, once for all receivers', t => {
  const [one, two] = [outboundOver(0), outboundOver(0)]
  for (const { outbound, flusher } of [one, two]) {
    outbound.deliver(sliceOf(1))
    flusher.flush()
  }
  // Sockets give Buffers, whose slice() is a view.
  const chunk = Buffer.alloc(2000)
  const small = new Slice(chunk, 100, 110, 1, new Account())
  for (const { outbound, flusher } of [one, two]) {
    outbound.deliver(small)
    flusher.flush()
  }
  t.not(small.copy!.bytes.buffer, chunk.buffer)
  chunk.fill(9)
  for (const { link, events } of [one, two]) {
    link.kernelBytes = Infinity
    link.read()
    events.run()
    t.deepEqual([...link.read()], Array<number>(10).fill(0))
  }
})

test('outbound: a view of a frame within a chunk counts as the chunk that it keeps', t => {
  const { outbound, flusher } = outboundOver(0)
  outbound.deliver(sliceOf(1))
  flusher.flush()
  const view = Buffer.alloc(2000).subarray(100, 110)
  const slice = new Slice(view, 0, 10, 1, new Account())
  outbound.deliver(slice)
  flusher.flush()
  t.not(slice.copy!.bytes.buffer, view.buffer)
})

test('outbound: a large slice is kept as it is', t => {
  const { outbound, flusher } = outboundOver(0)
  outbound.deliver(sliceOf(1))
  flusher.flush()
  const large = new Slice(new Uint8Array(1000), 0, 300, 1, new Account())
  outbound.deliver(large)
  flusher.flush()
  t.is(large.copy, undefined)
})

test('outbound: dropping what waits leaves the write in flight', t => {
  const { outbound, link, flusher, events } = outboundOver(0)
  const [flying, waiting] = [new Account(), new Account()]
  outbound.deliver(sliceOf(10, { account: flying }))
  flusher.flush()
  outbound.deliver(sliceOf(10, { account: waiting, count: 4 }))
  outbound.dropWaiting('slow-consumer')
  t.deepEqual([waiting.pending, waiting.dropped['slow-consumer'], outbound.droppedMessages], [0, 4, 4])
  t.deepEqual([flying.pending, outbound.pendingMessages, outbound.pendingBytes], [1, 1, 10])
  link.kernelBytes = Infinity
  link.read()
  events.run()
  t.deepEqual([flying.pending, flying.written], [0, 1])
})

test('outbound: what a link did not take when it closed is dropped by the reason given', t => {
  const { outbound, flusher } = outboundOver(0)
  const account = new Account()
  outbound.deliver(sliceOf(10, { account }))
  flusher.flush()
  outbound.deliver(sliceOf(10, { account, count: 2 }))
  outbound.close('actor-gone')
  t.deepEqual([account.pending, account.dropped['actor-gone'], outbound.pendingMessages, outbound.pendingBytes], [0, 3, 0, 0])
  t.true(outbound.deliver(sliceOf(10, { account })))
  t.is(account.dropped['actor-gone'], 4)
})

test('outbound: ending writes what waits, then closes the link; what comes later is dropped', t => {
  const { outbound, link, told, events } = outboundOver(Infinity)
  const account = new Account()
  outbound.deliver(sliceOf(10))
  outbound.end()
  outbound.deliver(sliceOf(10, { account }))
  events.run()
  t.is(link.read().length, 10)
  t.deepEqual(told, ['closed'])
  t.is(account.dropped['actor-gone'], 1)
})

test('outbound: an end behind a write in flight closes when the last write was taken at once', t => {
  const { outbound, link, flusher, told, events } = outboundOver(0)
  outbound.deliver(sliceOf(10))
  flusher.flush()
  outbound.deliver(sliceOf(10))
  outbound.end()
  events.run()
  t.deepEqual(told, [])
  link.kernelBytes = Infinity
  link.read()
  events.run()
  t.is(link.read().length, 10)
  t.deepEqual(told, ['closed'])
})

test('outbound: what arrived of a write when the link broke is settled to the frame, also when the link breaks again', t => {
  // Frames of ten bytes, the n-th full of n.
  const frames = (from: number, to: number): Uint8Array => Uint8Array.from({ length: (to - from) * 10 }, (_, i) => from + Math.floor(i / 10))
  for (const isSentAgain of [false, true]) {
    const { outbound, flusher } = outboundOver(0)
    const account = new Account()
    const count = isSentAgain ? 0 : 5
    outbound.deliver(new Slice(frames(0, 5), 0, 50, count, account, 5))
    outbound.deliver(new Slice(frames(5, 8), 0, 30, 3, account, 3))
    flusher.flush()
    const cut = (slice: Slice, n: number): number => slice.start + n * 10
    outbound.detach(outboundLimits(LIMIT, 0, 'drop-oldest'))
    outbound.confirm(2, cut)
    t.deepEqual([account.written, account.pending, outbound.pendingMessages, outbound.pendingBytes], [isSentAgain ? 0 : 2, isSentAgain ? 3 : 6, isSentAgain ? 3 : 6, 60])
    outbound.confirm(2, cut)
    outbound.confirm(2, cut)
    t.deepEqual([account.written, account.pending, outbound.pendingMessages, outbound.pendingBytes], [isSentAgain ? 1 : 6, 2, 2, 20])
    const next = new MemoryLink(new LinkEvents(), { address: 'memory', pid: undefined, uid: undefined })
    next.kernelBytes = Infinity
    outbound.attach(next, [], outboundLimits(LIMIT, 0, 'drop-oldest'))
    flusher.flush()
    t.deepEqual([...next.read()], [...frames(6, 8)])
    t.deepEqual([account.pending, outbound.pendingMessages, outbound.pendingBytes], [0, 0, 0])
  }
})

test('outbound: copies of small slices share memory, a bounded amount; large ones have their own', t => {
  const { outbound, flusher } = outboundOver(0)
  outbound.deliver(sliceOf(1))
  flusher.flush()
  const slices = [10, 10, 60_000].map(bytes => new Slice(Buffer.alloc(bytes * 5), 0, bytes, 1, new Account()))
  for (const slice of slices) outbound.deliver(slice)
  flusher.flush()
  const [one, two, large] = slices.map(({ copy }) => copy!.bytes.buffer)
  t.is(one, two)
  t.true(one!.byteLength <= 16 * 1024)
  t.is(large!.byteLength, 60_000)
})

test('outbound: a watch is told how many messages of its slice have which fate, and that a write with them has begun', t => {
  const { outbound, link, flusher, events } = outboundOver(15)
  const told: string[] = []
  const watched = (name: string, count: number): Slice => {
    const slice = sliceOf(10, { count })
    slice.watch = { settled: (_, fate, messages) => told.push(`${name} ${fate} ${messages}`), leaving: () => told.push(`${name} leaving`) }
    return slice
  }
  outbound.deliver(watched('a', 3))
  outbound.deliver(watched('b', 2))
  flusher.flush()
  outbound.deliver(watched('c', 1))
  flusher.flush()
  t.deepEqual(told, ['a leaving', 'b leaving'])
  link.kernelBytes = 5
  link.read()
  link.read()
  events.run()
  outbound.deliver(watched('d', 4))
  flusher.flush()
  outbound.close('link-down')
  t.deepEqual(told.slice(2), ['a written 3', 'b written 2', 'c leaving', 'c dropped(link-down) 1', 'd dropped(link-down) 4'])
})
