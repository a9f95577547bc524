import test from 'ava'
import fc from 'fast-check'
import { RestartIntensity } from '../../actors/restart-intensity.ts'

test('restart intensity: bears as many as it says within the period, one more is too many', t => {
  const intensity = new RestartIntensity(2, 100)
  t.deepEqual([0, 50, 100].map(now => intensity.exceeds(now)), [false, false, true])
})

test('restart intensity: those before the period do not count', t => {
  const intensity = new RestartIntensity(2, 100)
  t.deepEqual([0, 50, 101, 151, 152].map(now => intensity.exceeds(now)), [false, false, false, false, true])
})

test('restart intensity: 0 bears none, Infinity all', t => {
  t.true(new RestartIntensity(0, 100).exceeds(0))
  const all = new RestartIntensity(Infinity, 100)
  t.false(Array.from({ length: 100 }, () => all.exceeds(0)).includes(true))
})

test('restart intensity: agrees with counting all restarts ever', t => {
  const property = fc.property(fc.nat(5), fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(30), { maxLength: 40 }), (limit, periodMs, gaps) => {
    const intensity = new RestartIntensity(limit, periodMs)
    const times: number[] = []
    for (const gap of gaps) {
      times.push((times.at(-1) ?? 0) + gap)
      const within = times.filter(time => time >= times.at(-1)! - periodMs).length
      // A supervisor that gave up counts no more.
      if (intensity.exceeds(times.at(-1)!) !== within > limit) return false
      if (within > limit) return true
    }
    return true
  })
  t.notThrows(() => fc.assert(property))
})
