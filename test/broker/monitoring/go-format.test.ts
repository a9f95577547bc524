import test from 'ava'
import fc from 'fast-check'
import { duration, timestamp, uptime } from '../../../broker/monitoring/go-format.ts'

test('go-format: an uptime names its units from the largest that is not zero', t => {
  t.is(uptime(0), '0s')
  t.is(uptime(999), '0s')
  t.is(uptime(61_000), '1m1s')
  t.is(uptime(3_600_000), '1h0m0s')
  t.is(uptime(86_400_000 * 366), '1y1d0h0m0s')
  t.is(uptime(-5), '0s', 'a clock that stepped back is no time before the start')
})

test('go-format: the parts of an uptime add up to its seconds', t => {
  const seconds = { y: 31_536_000, d: 86_400, h: 3600, m: 60, s: 1 }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 33 }), whole => {
      const parts = [...uptime(whole * 1000).matchAll(/(\d+)([ydhms])/g)]
      t.is(parts.reduce((sum, [, count, unit]) => sum + Number(count) * seconds[unit as keyof typeof seconds], 0), whole)
    }),
  )
})

test('go-format: round trips are written as Go reads them', t => {
  t.deepEqual([0, 308, 1000, 1250, 2_500_000].map(duration), ['0s', '308µs', '1ms', '1.25ms', '2.5s'])
})

test('go-format: a timestamp keeps its microseconds', t => {
  t.is(timestamp(1_763_748_302_831_294), '2025-11-21T18:05:02.831294Z')
  t.is(timestamp(1_763_748_302_000_007), '2025-11-21T18:05:02.000007Z')
})
