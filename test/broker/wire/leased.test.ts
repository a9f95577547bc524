import test from 'ava'
import fc from 'fast-check'
import type { Leased } from '../../../broker/ground/store.ts'
import { isCanonical } from '../../../broker/wire/canonical.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../../broker/wire/frame.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { leasedFrames } from '../../../broker/wire/leased.ts'
import { frameEnd } from '../../../broker/wire/regroup.ts'
import { frames } from '../../support/frames.ts'

/** All frames in `bytes`, each of them canonical. */
function read(bytes: Uint8Array): Frame[] {
  const found: Frame[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = frameEnd(bytes, start)
    if (!isCanonical(bytes, start, end)) throw new Error(`the frame at ${start} is not canonical`)
    found.push(decodeFrame(bytes, start, end))
    start = end
  }
  return found
}

test('leased frames: whatever was stored comes with address and attempt, and is otherwise as it was', t => {
  const stored = frames.map(frame => (frame.kind === Kind.publish || frame.kind === Kind.request ? frame : { ...frame, kind: Kind.publish, to: 0, ref: 0 }))
  const message = fc.record({ frame: stored, position: fc.maxSafeNat(), attempt: fc.integer({ min: 1, max: 2 ** 32 - 1 }) })
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }), (messages, subscription) => {
      const leased = messages.map(({ frame, position, attempt }): Leased => ({ position, attempt, frame: encodeFrame(frame) }))
      const got = read(leasedFrames(leased, subscription))
      const expected = messages.map(({ frame, position, attempt }) => ({
        ...frame,
        kind: frame.kind === Kind.publish ? Kind.leased : Kind.leasedRequest,
        flags: attempt > 1 ? frame.flags | Flag.headers : frame.flags,
        to: subscription,
        ref: position,
        headers: attempt > 1 ? { $attempt: attempt, ...frame.headers } : frame.headers,
        payload: Uint8Array.from(frame.payload),
      }))
      t.deepEqual(got.map(frame => ({ ...frame, payload: Uint8Array.from(frame.payload) })), expected)
    }),
    { numRuns: 300 },
  )
})

test('leased frames: the headers have room for one more, however many there are', t => {
  for (const count of [0, 1, 14, 15, 16, 17, 65_534, 65_535, 65_536]) {
    const headers = Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, i]))
    const frame = encodeFrame({ kind: Kind.publish, subject: 'orders', ...(count === 0 ? {} : { headers }), payload: Uint8Array.of(1, 2, 3) })
    const [got] = read(leasedFrames([{ position: 7, attempt: 3, frame }], 5))
    t.is(Object.keys(got!.headers!).length, count + 1, `${count} headers`)
    t.is(got!.headers!['$attempt'], 3)
    t.deepEqual([...got!.payload], [1, 2, 3])
  }
})

test('leased frames: a signature stays the last header', t => {
  const frame = encodeFrame({ kind: Kind.publish, subject: 'orders', headers: { mid: 'x', sig: new Uint8Array(32) } })
  const [got] = read(leasedFrames([{ position: 7, attempt: 2, frame }], 5))
  t.deepEqual(Object.keys(got!.headers!), ['$attempt', 'mid', 'sig'])
})
