import test from 'ava'
import fc from 'fast-check'
import { History } from '../../../broker/observe/history.ts'

const NAMES = ['grown_total', 'level']
const RINGS = [{ everyMs: 10, samples: 6 }, { everyMs: 50, samples: 5 }, { everyMs: 200, samples: 8 }]

const MAX_WAIT_MS = 60

/** What happened, and when: the counter grew, the gauge stood. */
interface Step {
  readonly waitMs: number
  readonly growth: number
  readonly level: number
}

const step = fc.record({ waitMs: fc.nat({ max: MAX_WAIT_MS }), growth: fc.nat({ max: 1000 }), level: fc.nat({ max: 100 }) })

function replay(steps: readonly Step[]): { history: History; seen: { ms: number; growth: number; level: number }[]; nowMs: number; total: number } {
  const history = new History(NAMES, RINGS)
  const seen: { ms: number; growth: number; level: number }[] = []
  let nowMs = 0
  let total = 0
  for (const { waitMs, growth, level } of steps) {
    nowMs += waitMs
    total += growth
    seen.push({ ms: nowMs, growth, level })
    history.sample(nowMs, [total, level])
  }
  return { history, seen, nowMs, total }
}

test('history: growth over any period is the exact sum since the sample where it begins, which lies within the resolution', t => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200, size: 'max' }), fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 20 }), (steps, periodMs, parts) => {
      const { history, seen, nowMs, total } = replay(steps)
      const { coversMs, resolutionMs, series } = history.read(nowMs, [total, seen.at(-1)!.level], periodMs, parts, () => true)
      const fromMs = nowMs - coversMs
      const [counter, gauge] = series
      // Several samples may share the moment where it begins; a ring keeps the first of its slot.
      const sums = [seen.filter(({ ms }) => ms > fromMs), seen.filter(({ ms }) => ms >= fromMs)].map(steps => steps.reduce((sum, { growth }) => sum + growth, 0))
      t.true(counter!.value >= sums[0]! && counter!.value <= sums[1]!, `${counter!.value} is not in ${sums.join('..')}`)
      t.is(counter!.points.reduce((sum, each) => sum + each, 0), counter!.value)
      t.is(counter!.points.length, parts)
      // It begins at most a sample's distance, and a wait, before what was asked for; later only when nothing older is known.
      t.true(coversMs <= periodMs + resolutionMs + MAX_WAIT_MS)
      // A ring keeps the first sample of each slot, which may be a wait late.
      const reachMs = Math.min(Math.min(periodMs, RINGS.at(-1)!.everyMs * 7) - MAX_WAIT_MS, nowMs - seen[0]!.ms)
      t.true(coversMs >= reachMs, `covers ${coversMs} of ${reachMs}`)
      t.is(gauge!.value, seen.at(-1)!.level)
      t.true(gauge!.peak! >= Math.max(...seen.filter(({ ms }) => ms > fromMs).map(({ level }) => level), seen.at(-1)!.level))
      t.true(gauge!.peak! <= Math.max(...seen.map(({ level }) => level)))
    }),
  )
})

test('history: the finest ring that reaches back far enough answers', t => {
  const history = new History(NAMES, RINGS)
  for (let ms = 0; ms <= 1000; ms += 10) history.sample(ms, [ms, 0])
  const read = (periodMs: number) => history.read(1000, [1000, 0], periodMs, 1, name => name === 'grown_total')
  t.like(read(50), { coversMs: 50, resolutionMs: 10, series: [{ value: 50, rate: 1000 }] })
  t.like(read(200), { coversMs: 200, resolutionMs: 50, series: [{ value: 200 }] })
  t.like(read(5000), { coversMs: 1000, resolutionMs: 200, series: [{ value: 1000 }] })
})

test('history: what has forgotten nothing yet answers for any period', t => {
  const history = new History(NAMES, RINGS)
  for (let ms = 0; ms <= 50; ms += 10) history.sample(ms, [ms, 0])
  t.like(history.read(50, [50, 0], 1400, 5, name => name === 'grown_total'), { coversMs: 50, resolutionMs: 10, series: [{ points: [10, 10, 10, 10, 10] }] })
})

test('history: a peak between coarse samples is not lost', t => {
  const history = new History(NAMES, RINGS)
  for (let ms = 0; ms <= 1000; ms += 10) history.sample(ms, [0, ms === 430 ? 77 : 1])
  const [level] = history.read(1000, [0, 1], 1000, 5, name => name === 'level').series
  t.deepEqual(level, { name: 'level', kind: 'gauge', value: 1, peak: 77, points: [1, 1, 77, 1, 1] })
})

test('history: before the first sample it covers nothing', t => {
  t.deepEqual(new History(NAMES).read(5, [3, 4], 1000, 2, () => true), {
    coversMs: 0,
    resolutionMs: 1000,
    series: [
      { name: 'grown_total', kind: 'counter', value: 0, rate: 0, points: [0, 0] },
      { name: 'level', kind: 'gauge', value: 4, peak: 4, points: [4, 4] },
    ],
  })
})
