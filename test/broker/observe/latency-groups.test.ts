import test from 'ava'
import fc from 'fast-check'
import { latencyOf, LatencyGroups } from '../../../broker/observe/latency-groups.ts'

test('latency groups: each name has its own durations', t => {
  const groups = new LatencyGroups<number>()
  groups.add(1, 1000)
  groups.add(2, 3000)
  groups.add(1, 2000)
  t.deepEqual(groups.result('connection', origin => `conn-${origin}`, [100]), [
    { kind: 'connection', name: 'conn-1', count: 2, p50: 1, p95: 2, p99: 2, max: 2, at: [{ percentile: 100, ms: 2 }] },
    { kind: 'connection', name: 'conn-2', count: 1, p50: 3, p95: 3, p99: 3, max: 3, at: [{ percentile: 100, ms: 3 }] },
  ])
})

test('latency groups: a percentile is the least duration that so many do not exceed', t => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1e9 }), { minLength: 1 }), fc.integer({ min: 0, max: 100 }), (micros, percentile) => {
      const ms = latencyOf(micros, [percentile]).at![0]!.ms
      const atMost = (limit: number): number => micros.filter(each => each / 1000 <= limit).length
      t.true(micros.includes(Math.round(ms * 1000)))
      t.true(atMost(ms) * 100 >= micros.length * percentile)
      const below = micros.filter(each => each / 1000 < ms)
      if (below.length > 0) t.true(below.length * 100 < micros.length * percentile)
    }),
  )
})
