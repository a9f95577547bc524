import { constants, zstdCompressSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { encodeFrame, decodeFrame } from '../../../broker/wire/frame.ts'
import { isCanonical } from '../../../broker/wire/canonical.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { withPayload } from '../../../broker/wire/recompress.ts'
import { zstdContentBytes } from '../../../broker/wire/zstd.ts'
import { frames } from '../../support/frames.ts'

test('zstd: what a frame announces is what it holds, in every form of the field', t => {
  // One byte, two from 256 on, four from 65,792 on.
  for (const size of [0, 1, 255, 256, 257, 65_791, 65_792, 1_048_576]) t.is(zstdContentBytes(zstdCompressSync(Buffer.alloc(size), { pledgedSrcSize: size })), size)
  const eight = Buffer.from('28b52ffdc0580000000000000001', 'hex')
  t.is(zstdContentBytes(Buffer.concat([eight.subarray(0, 6), Buffer.from([1, 0, 0, 0, 1, 0, 0, 0])])), 2 ** 32 + 1)
  fc.assert(fc.property(fc.nat({ max: 200_000 }), fc.integer({ min: 1, max: 19 }), (size, level) => {
    t.is(zstdContentBytes(zstdCompressSync(Buffer.alloc(size), { params: { [constants.ZSTD_c_compressionLevel]: level } })), size)
  }), { numRuns: 30 })
})

test('zstd: what announces nothing, or is none, is refused by name', t => {
  const unannounced = zstdCompressSync(Buffer.alloc(1000), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
  const skippable = Buffer.from('502a4d180400000000000000', 'hex')
  const endless = Buffer.concat([Buffer.from('28b52ffdc058', 'hex'), Buffer.alloc(8, 0xff)])
  for (const bytes of [unannounced, skippable, endless, Buffer.alloc(0), Buffer.alloc(20), zstdCompressSync(Buffer.alloc(1000)).subarray(0, 6)]) {
    t.throws(() => zstdContentBytes(bytes), { code: 'payload.malformed' })
  }
})

test('recompress: all but the payload and the flag stays', t => {
  fc.assert(fc.property(frames, fc.uint8Array({ maxLength: 100 }), fc.boolean(), fc.nat({ max: 20 }), (frame, payload, isCompressed, offset) => {
    const bytes = encodeFrame(frame)
    const padded = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)])
    const made = withPayload(padded, offset, offset + bytes.length, payload, isCompressed)
    t.true(isCanonical(made, 0, made.length))
    const decoded = decodeFrame(made, 0, made.length)
    const original = decodeFrame(bytes, 0, bytes.length)
    t.deepEqual(decoded, { ...original, payload: Uint8Array.from(payload), flags: isCompressed ? original.flags | Flag.compressed : original.flags & ~Flag.compressed })
  }))
  t.is(withPayload(encodeFrame({ kind: Kind.publish }), 0, encodeFrame({ kind: Kind.publish }).length, new Uint8Array(2), true).length, encodeFrame({ kind: Kind.publish }).length + 2)
})
