import test from 'ava'
import fc from 'fast-check'
import { encode } from '@msgpack/msgpack'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { decodePayload, encodePayload } from '../../../broker/ground/payload.ts'
import { PayloadType } from '../../../broker/ground/payload-type.ts'

const roundTrip = (value: unknown): unknown => {
  const { type, bytes } = encodePayload(value)
  return decodePayload(type, bytes)
}

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof BrokerError ? error.code : String(error)
  }
}

test('payload: bytes stay bytes, strings are text, the rest is MessagePack', t => {
  const bytes = new Uint8Array([1, 2])
  t.deepEqual(encodePayload(bytes), { type: PayloadType.bytes, bytes })
  t.is(encodePayload(bytes).bytes, bytes)
  t.deepEqual(encodePayload('é'), { type: PayloadType.text, bytes: new Uint8Array([0xc3, 0xa9]) })
  t.deepEqual(encodePayload({ a: 1 }), { type: PayloadType.msgpack, bytes: encode({ a: 1 }) })
  t.deepEqual(encodePayload({ a: undefined, b: 2 }).bytes, encode({ b: 2 }))
})

test('payload: JSON when asked, with the forms of the JSON edge', t => {
  const { type, bytes } = encodePayload({ id: 2n ** 60n, raw: new Uint8Array([0]) }, { json: true })
  t.is(type, PayloadType.json)
  t.is(new TextDecoder().decode(bytes), '{"id":{"$int":"1152921504606846976"},"raw":{"$base64":"AA=="}}')
})

test('payload: integers keep every digit up to 64 bits, and ordinary ones stay numbers', t => {
  const value = { big: 2n ** 64n - 1n, low: -(2n ** 63n), safe: 2 ** 53 - 1, small: 5n, wide: 2 ** 40, deep: [{ n: 2n ** 53n }] }
  t.deepEqual(roundTrip(value), { ...value, small: 5 })
  t.deepEqual(roundTrip(2 ** 40), 2 ** 40)
  t.is(encodePayload({ n: 2 ** 40, big: 2n ** 60n }).bytes.includes(0xcb), false, 'an integer beside a bigint must not become a float')
})

test('payload: a map key that is a 64-bit integer is read as text', t => {
  t.deepEqual(decodePayload(PayloadType.msgpack, Uint8Array.of(0x81, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1, 1)), { '9007199254740993': 1 })
})

test('payload: what cannot be written is refused by name', t => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const value of [cycle, () => 1, { f: Symbol('x') }, 2n ** 64n]) t.is(codeOf(() => encodePayload(value)), 'payload.not_encodable')
  t.is(codeOf(() => encodePayload(NaN, { json: true })), 'payload.not_json')
})

test('payload: bytes that are not what their type says are refused by name', t => {
  t.is(codeOf(() => decodePayload(PayloadType.msgpack, Uint8Array.of(0xc1))), 'payload.malformed')
  t.is(codeOf(() => decodePayload(PayloadType.msgpack, Uint8Array.of(1, 2))), 'payload.malformed')
  t.is(codeOf(() => decodePayload(PayloadType.json, Uint8Array.of(0x7b))), 'payload.malformed')
  t.is(codeOf(() => decodePayload(PayloadType.text, Uint8Array.of(0xff))), 'payload.malformed')
})

test('payload: nesting deeper than the call stack is read', t => {
  const depth = 100_000
  const bytes = new Uint8Array(depth + 9).fill(0x91)
  bytes.set([0xcf, 0, 0, 0, 0, 0, 0, 0, 7], depth)
  let value = decodePayload(PayloadType.msgpack, bytes)
  let levels = 0
  for (; Array.isArray(value); value = (value as unknown[])[0]) levels++
  t.deepEqual([levels, value], [depth, 7])
})

test('payload: every value survives the round trip', t => {
  const leaf = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.maxSafeInteger(), fc.double({ noNaN: true }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), fc.uint8Array())
  const { value } = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string().filter(key => key !== '__proto__'), tie('value'), { noNullPrototype: true, maxKeys: 4 })),
  }))
  fc.assert(
    fc.property(value, sample => {
      t.deepEqual(normal(roundTrip(sample)), normal(sample))
    }),
  )
})

test('payload: any bytes decode to a value or are refused by name', t => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2, 3), fc.uint8Array(), (type, bytes) => {
      const code = codeOf(() => decodePayload(type, bytes))
      t.true(code === undefined || code === 'payload.malformed', code)
    }),
  )
})

// Decoded bytes are views into the payload, and -0 has no MessagePack integer: both are equal for whoever reads them.
function normal(value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value)
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normal(item)]))
  return value === 0 ? 0 : value
}
