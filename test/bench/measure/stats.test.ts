import test from 'ava'
import fc from 'fast-check'
import { summarise, summariseRatios } from '../../../bench/measure/stats.ts'

test('stats: the median is the middle figure, of an even count the mean of the middle two', t => {
  t.deepEqual(summarise([3, 1, 2]), { median: 2, min: 1, max: 3, runs: 3 })
  t.deepEqual(summarise([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4, runs: 4 })
})

test('stats: no figures are refused', t => {
  t.throws(() => summarise([]), { message: /at least one/ })
})

test('stats: as many figures lie below the median as above, whatever their order', t => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 }), figures => {
      const { median, min, max } = summarise(figures)
      t.true(min <= median && median <= max)
      t.true(figures.filter(figure => figure < median).length <= figures.length / 2)
      t.true(figures.filter(figure => figure > median).length <= figures.length / 2)
    }),
  )
})

test('stats: a ratio is taken within its round before the median is', t => {
  // The ratio of the medians would be 20 / 20 = 1.
  t.deepEqual(summariseRatios([10, 20, 90], [20, 10, 30]), { median: 2, min: 0.5, max: 3, runs: 3 })
})

test('stats: rounds that failed on either side are left out', t => {
  t.deepEqual(summariseRatios([10, undefined, 30, 40], [20, 10, undefined, 0]), { median: 0.5, min: 0.5, max: 0.5, runs: 1 })
  t.is(summariseRatios([undefined], [1]), undefined)
})
