import test from 'ava'
import fc from 'fast-check'
import { isSampled, readTraceparent, traceFields, writeTraceparent } from '../../../broker/ground/trace-context.ts'

const hex = (length: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: length, maxLength: length }).filter(text => /[^0]/.test(text))
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test('trace context: what is written is read', t => {
  fc.assert(fc.property(hex(32), hex(16), fc.nat(255), (traceId, spanId, flags) => {
    t.deepEqual(readTraceparent(writeTraceparent({ traceId, spanId, flags })), { traceId, spanId, flags })
  }))
})

test('trace context: sampled is the lowest bit of the flags', t => {
  t.true(isSampled(readTraceparent(`00-${TRACE}-${SPAN}-01`)))
  t.true(isSampled(readTraceparent(`00-${TRACE}-${SPAN}-03`)))
  t.false(isSampled(readTraceparent(`00-${TRACE}-${SPAN}-02`)))
  t.false(isSampled(undefined))
})

test('trace context: a later version may say more, this one may not', t => {
  t.deepEqual(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`), { traceId: TRACE, spanId: SPAN, flags: 1 })
  t.is(readTraceparent(`00-${TRACE}-${SPAN}-01-what-comes`), undefined)
})

for (const [what, value] of [
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['an empty trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['an empty span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['too few digits', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['no flags', `00-${TRACE}-${SPAN}`],
  ['a line end', `00-${TRACE}-${SPAN}-01\n`],
  ['a number', 7],
  ['nothing', undefined],
] as const) {
  test(`trace context: ${what} is no traceparent`, t => t.is(readTraceparent(value), undefined))
}

test('trace context: a line of the log is joined by two fields, or by none', t => {
  t.deepEqual(traceFields({ traceparent: `00-${TRACE}-${SPAN}-00`, other: 1 }), { trace_id: TRACE, span_id: SPAN })
  for (const headers of [undefined, {}, { traceparent: 'nonsense' }]) t.deepEqual(traceFields(headers), {})
})
