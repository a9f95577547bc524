import test from 'ava'
import fc from 'fast-check'
import { encode } from '@msgpack/msgpack'
import { isWholeMsgpack } from '../../../broker/ground/msgpack-shape.ts'
import { choices, encodeValue } from '../../support/frames.ts'

const value = fc.anything({ withDate: false, withBigInt: false, withMap: false, withSet: false, withTypedArray: false, withSparseArray: false, withObjectString: false, withNullPrototype: false })

test('msgpack shape: every encoding of a value is whole, and no part or more of it is', t => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.nat({ max: 1000 }), { maxLength: 20 }), (json, picks) => {
      const bytes = Uint8Array.from(encodeValue(json, choices(picks)))
      t.true(isWholeMsgpack(bytes))
      for (let end = 0; end < bytes.length; end++) t.false(isWholeMsgpack(bytes.subarray(0, end)))
      t.false(isWholeMsgpack(Uint8Array.of(...bytes, 0xc0)))
    }),
  )
})

test('msgpack shape: binaries, texts, times and extensions of every size', t => {
  for (const item of [new Uint8Array(3), new Uint8Array(300), new Uint8Array(70_000), 'x'.repeat(70_000), new Date(0), new Date(1.5), 2 ** 40, -1.5]) {
    const bytes = encode(item)
    t.true(isWholeMsgpack(bytes))
    t.false(isWholeMsgpack(bytes.subarray(0, -1)))
  }
  for (const bytes of [[0xc7, 1, 5, 0], [0xc8, 0, 1, 5, 0], [0xc9, 0, 0, 0, 1, 5, 0], [0xd4, 5, 0], [0xd8, 5, ...Array<number>(16).fill(0)]]) t.true(isWholeMsgpack(Uint8Array.from(bytes)))
})

test('msgpack shape: what encode writes is whole', t => {
  fc.assert(
    fc.property(value, item => {
      let bytes: Uint8Array
      try {
        bytes = encode(item, { maxDepth: 50 })
      } catch {
        return fc.pre(false)
      }
      return isWholeMsgpack(bytes)
    }),
  )
  t.pass()
})

test('msgpack shape: announced elements that are not there, bad markers, and depth', t => {
  t.false(isWholeMsgpack(new Uint8Array(0)))
  t.false(isWholeMsgpack(Uint8Array.of(0xc1)))
  t.false(isWholeMsgpack(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)))
  t.false(isWholeMsgpack(Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0)))
  const deep = new Uint8Array(1_000_001).fill(0x91)
  deep[1_000_000] = 0xc0
  t.true(isWholeMsgpack(deep))
})
