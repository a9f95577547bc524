import { decode } from '@msgpack/msgpack'
import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { decodeHeaders, encodeHeaders, headersLength } from '../../../broker/wire/headers.ts'
import { choices, encodeValue, frames } from '../../support/frames.ts'

const picks = fc.array(fc.nat({ max: 1000 }), { maxLength: 40 })
const headers = frames.map(frame => frame.headers ?? {})
const text = (from: string): number[] => [...new TextEncoder().encode(from)]
const measure = (...bytes: (number | readonly number[])[]): number => headersLength(Uint8Array.from(bytes.flat()))

test('headers: the length of any encoding is found, whatever follows', t => {
  fc.assert(
    fc.property(headers, picks, fc.uint8Array({ maxLength: 20 }), (map, numbers, after) => {
      const bytes = encodeValue(map, choices(numbers))
      t.is(measure(bytes, [...after]), bytes.length)
      t.deepEqual(decodeHeaders(Uint8Array.from(bytes)), map)
    }),
    { numRuns: 500 },
  )
})

test('headers: what encodeHeaders writes is measured and reads back', t => {
  fc.assert(
    fc.property(headers, map => {
      const bytes = encodeHeaders(map)
      t.is(headersLength(bytes), bytes.length)
      t.deepEqual(decodeHeaders(bytes), map)
    }),
  )
})

test('headers: cut short anywhere they are refused', t => {
  fc.assert(
    fc.property(headers, picks, fc.nat(), (map, numbers, cut) => {
      const bytes = encodeValue(map, choices(numbers))
      t.throws(() => measure(bytes.slice(0, cut % bytes.length)), { instanceOf: BrokerError, code: 'frame.malformed' })
    }),
    { numRuns: 500 },
  )
})

test('headers: random bytes are refused by name, or every decoder reads them', t => {
  // Maps of a few entries made of bytes that are often markers reach deeper than uniform noise.
  const byte = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x80, 0x81, 0x91, 0xa1, 0xc1, 0xc4, 0xc7, 0xd4, 0xd6, 0xd9, 0xdc, 0xde, 0xdf, 0xff))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 30 }), fc.nat({ max: 3 }), (bytes, count) => {
      const all = Uint8Array.from([0x80 | count, ...bytes])
      try {
        const length = headersLength(all)
        t.notThrows(() => decode(all.subarray(0, length)))
      } catch (error) {
        if (!(error instanceof BrokerError && error.code === 'frame.malformed')) throw error
      }
    }),
    { numRuns: 5000 },
  )
})

const every: [string, (number | number[])[]][] = [
  ['nil, false, true', [0x83, 0xa1, 0x61, 0xc0, 0xa1, 0x62, 0xc2, 0xa1, 0x63, 0xc3]],
  ['fixext 1 to 16', [0x85, ...[1, 2, 4, 8, 16].flatMap((size, index) => [0xa1, 0x61 + index, 0xd4 + index, 5, ...Array<number>(size).fill(0)])]],
  ['ext 8, 16 and 32', [0x83, 0xa1, 0x61, 0xc7, 1, 5, 0, 0xa1, 0x62, 0xc8, 0, 1, 5, 0, 0xa1, 0x63, 0xc9, 0, 0, 0, 1, 5, 0]],
  ['timestamps of 4, 8 and 12 bytes', [0x83, 0xa1, 0x61, 0xd6, 0xff, 0, 0, 0, 0, 0xa1, 0x62, 0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xa1, 0x63, 0xc7, 12, 0xff, ...Array<number>(12).fill(0)]],
  ['array 16 and 32', [0x82, 0xa1, 0x61, 0xdc, 0, 1, 7, 0xa1, 0x62, 0xdd, 0, 0, 0, 1, 7]],
]

for (const [name, bytes] of every) test(`headers: ${name} are measured`, t => t.is(measure(...bytes, 0xc6), bytes.flat().length))

const refused: [string, (number | number[])[], RegExp][] = [
  ['nothing', [], /do not end/],
  ['a list', [0x90], /must be nil or a map/],
  ['nil', [0xc0], /must be nil or a map/],
  ['the marker 0xc1', [0x81, 0xa1, 0x61, 0xc1], /0xc1/],
  ['a number as key', [0x81, 1, 1], /key that is not a string/],
  ['a number as key deep inside', [0x81, 0xa1, 0x61, 0x91, 0x81, 1, 1], /key that is not a string/],
  ['nil as key', [0x81, 0xc0, 1], /key that is not a string/],
  ['__proto__ as key', [0x81, 0xa9, text('__proto__'), 1], /"__proto__"/],
  ['__proto__ as key in another encoding', [0x81, 0xdb, 0, 0, 0, 9, text('__proto__'), 1], /"__proto__"/],
  ['__proto__ deep inside', [0x81, 0xa1, 0x61, 0x81, 0xd9, 9, text('__proto__'), 1], /"__proto__"/],
  ['a key that is not UTF-8', [0x81, 0xa1, 0xff, 1], /not valid UTF-8/],
  ['a value that is not UTF-8', [0x81, 0xa1, 0x61, 0xa2, 0x61, 0xc3], /not valid UTF-8/],
  ['a timestamp of 5 bytes', [0x81, 0xa1, 0x61, 0xc7, 5, 0xff, 0, 0, 0, 0, 0], /timestamp of 5 bytes/],
  ['four thousand million entries', [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61, 1], /do not end/],
  ['a string of four thousand million bytes', [0x81, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x61], /do not end/],
  ['lists 16 deep below the map', [0x81, 0xa1, 0x61, Array<number>(16).fill(0x91), 1], /nested more than 16 deep/],
  ['lists far deeper than a stack', [0x81, 0xa1, 0x61, Array<number>(100_000).fill(0x91), 1], /nested more than 16 deep/],
]

for (const [name, bytes, message] of refused) {
  test(`headers: refuses ${name}`, t => {
    const error = t.throws(() => measure(...bytes), { instanceOf: BrokerError, code: 'frame.malformed' })
    t.regex(error.message, message)
  })
}

test('headers: 16 deep is allowed, and a value that begins with __proto__', t => {
  t.is(measure(0x81, 0xa1, 0x61, Array<number>(15).fill(0x91), 1), 19)
  t.is(measure(0x81, 0xaa, text('__proto__x'), 0xa9, text('__proto__')), 22)
})

test('headers: a value without MessagePack form is refused by name', t => {
  t.throws(() => encodeHeaders({ a: Symbol('s') }), { instanceOf: BrokerError, code: 'frame.malformed' })
})
