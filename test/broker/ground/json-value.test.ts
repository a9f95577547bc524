import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { fromJsonValue, toJsonValue, type JsonValue } from '../../../broker/ground/json-value.ts'

const refusal = (value: unknown): string => {
  try {
    toJsonValue(value)
    return 'not refused'
  } catch (error) {
    return error instanceof BrokerError ? error.message : String(error)
  }
}

test('json value: binary, large integers and times have forms of their own', t => {
  t.deepEqual(toJsonValue({ a: new Uint8Array([0, 1, 2]), b: 2n ** 53n + 1n, c: new Date(0), d: [1, null, 'x', true], e: undefined }), {
    a: { $base64: 'AAEC' },
    b: { $int: '9007199254740993' },
    c: { $time: '1970-01-01T00:00:00.000Z' },
    d: [1, null, 'x', true],
  })
  t.is(toJsonValue(5n), 5)
})

test('json value: what JSON cannot say is refused, saying where', t => {
  t.regex(refusal({ cpu: [1, NaN] }), /^payload\.not_json: .*NaN at cpu\.1$/)
  t.regex(refusal(Infinity), /Infinity$/)
  t.regex(refusal({ f: () => 1 }), /a function at f/)
  t.regex(refusal(new Map()), /an object of type Map/)
  t.regex(refusal(new Date(NaN)), /an invalid date/)
  let deep: unknown = 1
  for (let level = 0; level < 300; level++) deep = [deep]
  t.regex(refusal(deep), /more than 256 levels/)
  t.throws(() => fromJsonValue(deep as JsonValue), { message: /256 levels/ })
})

test('json value: a shape that is almost a special form stays what it is', t => {
  const plain: JsonValue[] = [{ $int: '1e5' }, { $int: 5 }, { $int: '1', more: 1 }, { $base64: 'A' }, { $base64: '????' }, { $time: 'yesterday' }, { $time: '2026-99-99T00:00:00Z' }]
  for (const json of plain) t.deepEqual(fromJsonValue(json), json)
})

test('json value: a member named __proto__ is a member', t => {
  const json = JSON.parse('{"__proto__":{"x":1}}') as JsonValue
  t.is(JSON.stringify(fromJsonValue(json)), '{"__proto__":{"x":1}}')
  t.is(JSON.stringify(toJsonValue(json)), '{"__proto__":{"x":1}}')
})

test('json value: large binary survives', t => {
  const bytes = Uint8Array.from({ length: 100_001 }, (_, index) => index * 7)
  t.deepEqual(fromJsonValue(toJsonValue(bytes)), bytes)
})

test('json value: through JSON text and back nothing is lost', t => {
  const leaf = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.maxSafeInteger(), fc.uint8Array(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), fc.date({ noInvalidDate: true }))
  const { value } = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string().filter(key => !key.startsWith('$') && key !== '__proto__'), tie('value'), { noNullPrototype: true, maxKeys: 4 })),
  }))
  fc.assert(
    fc.property(value, sample => {
      t.deepEqual(fromJsonValue(JSON.parse(JSON.stringify(toJsonValue(sample))) as JsonValue), sample)
    }),
  )
})
