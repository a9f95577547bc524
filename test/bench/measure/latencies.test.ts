import test from 'ava'
import fc from 'fast-check'
import { Latencies } from '../../../bench/measure/latencies.ts'

test('latencies: a percentile is that of the sorted values, at most 0.8 % above', t => {
  const value = fc.oneof(fc.nat(300), fc.nat(100_000), fc.nat(2 ** 31 - 1))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const latencies = new Latencies()
      for (const micros of values) latencies.record(micros)
      const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil((values.length * percent) / 100) - 1)]!
      const found = latencies.percentile(percent)
      t.true(found >= exact && found <= exact * 1.008, `${found} for ${exact}`)
    }),
  )
})

test('latencies: milliseconds come out, nothing is 0, and the clock stepping back counts as no time', t => {
  t.deepEqual(new Latencies().summary(), { count: 0, p50: 0, p99: 0, max: 0 })
  const latencies = new Latencies()
  for (const micros of [-5, 100, 200_000]) latencies.record(micros)
  t.deepEqual(latencies.summary(), { count: 3, p50: 0.1, p99: 200, max: 200 })
})
