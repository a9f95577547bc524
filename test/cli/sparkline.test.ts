import test from 'ava'
import fc from 'fast-check'
import { sparkline } from '../../cli/sparkline.ts'

test('sparkline: nothing is lowest, the most is full, and a little shows', t => {
  t.is(sparkline([0, 1, 50, 100]), '▁▂▅█')
  t.is(sparkline([0, 0]), '▁▁')
  t.is(sparkline([3]), '█')
  t.is(sparkline([]), '')
})

test('sparkline: a bar for each value, higher ones never lower', t => {
  const bars = '▁▂▃▄▅▆▇█'
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 1 }), values => {
      const drawn = Array.from(sparkline(values), bar => bars.indexOf(bar))
      t.is(drawn.length, values.length)
      for (const [i, value] of values.entries()) for (const [j, other] of values.entries()) if (value <= other) t.true(drawn[i]! <= drawn[j]!)
    }),
  )
})
