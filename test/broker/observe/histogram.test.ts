import test from 'ava'
import fc from 'fast-check'
import { Histogram } from '../../../broker/observe/histogram.ts'

/** Relative error of a bucket: 32 per doubling. */
const ERROR = 1 / 31

function exactly(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!
}

test('histogram: percentiles are within 3.2 % of the exact ones, never below', t => {
  const micros = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 100_000 }), fc.nat({ max: 2 ** 31 - 1 }))
  fc.assert(
    fc.property(fc.array(micros, { minLength: 1, maxLength: 300, size: 'max' }), values => {
      const histogram = new Histogram()
      for (const value of values) histogram.record(value)
      const sorted = values.toSorted((a, b) => a - b)
      const found = histogram.percentiles()
      t.is(found.count, values.length)
      t.is(found.max, sorted.at(-1)! / 1000)
      for (const [share, ms] of [[0.5, found.p50], [0.95, found.p95], [0.99, found.p99]] as const) {
        const exact = exactly(sorted, share)
        t.true(ms >= exact / 1000 && ms <= (exact / 1000) * (1 + ERROR), `${ms} ms for ${exact} µs`)
      }
    }),
  )
})

test('histogram: empty, and beyond its range', t => {
  const histogram = new Histogram()
  t.deepEqual(histogram.percentiles(), { count: 0, p50: 0, p95: 0, p99: 0, max: 0 })
  histogram.record(2 ** 40)
  t.is(histogram.percentiles().max, 2 ** 40 / 1000)
})

test('histogram: counts within bounds are those of the exact values, up to the width of a bucket', t => {
  const micros = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 100_000 }), fc.nat({ max: 2 ** 31 - 1 }))
  const bounds = [50, 1000, 100_000, 10_000_000]
  fc.assert(
    fc.property(fc.array(micros, { maxLength: 200 }), values => {
      const histogram = new Histogram()
      for (const value of values) histogram.record(value)
      const counts = histogram.countsWithin(bounds)
      t.is(counts.length, bounds.length + 1)
      t.is(counts.reduce((sum, count) => sum + count, 0), values.length)
      t.is(histogram.sumMicros, values.reduce((sum, value) => sum + value, 0))
      let within = 0
      for (const [i, bound] of bounds.entries()) {
        within += counts[i]!
        // A value just below a bound may stand in a bucket whose edge is above it; none above stands below.
        t.true(within <= values.filter(value => value <= bound).length)
        t.true(within >= values.filter(value => value * (1 + ERROR) <= bound).length)
      }
    }),
  )
})
