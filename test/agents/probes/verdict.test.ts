import test from 'ava'
import fc from 'fast-check'
import { judge, noVerdict, startMs, worst } from '../../../agents/probes/verdict.ts'
import type { ProbeHealth } from '../../../broker/ground/probes.ts'

const pace = fc.record({ failureThreshold: fc.integer({ min: 1, max: 4 }), successThreshold: fc.integer({ min: 1, max: 4 }), initialDelayMs: fc.constantFrom(0, 100), intervalMs: fc.constantFrom(5000, 20_000) })
const attempts = fc.array(fc.record({ isWell: fc.boolean(), afterMs: fc.integer({ min: 1, max: 6000 }) }), { maxLength: 40 })

/** The same, from the whole history: the last so many of which all were alike decide. */
function healthFrom(history: readonly { isWell: boolean; atMs: number }[], { failureThreshold, successThreshold, initialDelayMs, intervalMs }: { failureThreshold: number; successThreshold: number; initialDelayMs: number; intervalMs: number }): ProbeHealth {
  let health: ProbeHealth = 'starting'
  for (let end = 1; end <= history.length; end++) {
    const all = (count: number, isWell: boolean): boolean => end >= count && history.slice(end - count, end).every(each => each.isWell === isWell)
    const { isWell, atMs } = history[end - 1]!
    if (all(successThreshold, true)) health = 'healthy'
    else if (!history.slice(0, end).some(each => each.isWell)) health = !isWell && atMs >= initialDelayMs + (failureThreshold * intervalMs > 30_000 ? failureThreshold * intervalMs : 30_000) ? 'unhealthy' : 'starting'
    else if (all(failureThreshold, false)) health = 'unhealthy'
  }
  return health
}

test('verdict: whatever the order of attempts, it is what the last of them in a row say', t => {
  fc.assert(fc.property(pace, attempts, (counting, all) => {
    let [verdict, atMs] = [noVerdict, 0]
    const history = []
    for (const { isWell, afterMs } of all) {
      atMs += afterMs
      history.push({ isWell, atMs })
      verdict = judge(verdict, isWell ? undefined : 'no', atMs, counting)
      t.is(verdict.health, healthFrom(history, counting))
      t.is(verdict.problem, isWell ? undefined : 'no')
    }
  }))
})

test('verdict: a start has its time, however often it is tried in it', t => {
  const counting = { failureThreshold: 3, successThreshold: 1, initialDelayMs: 1000, intervalMs: 15_000 }
  t.is(startMs(counting), 46_000)
  t.is(startMs({ ...counting, intervalMs: 100 }), 31_000)
  let verdict = noVerdict
  for (let atMs = 1000; atMs < 46_000; atMs += 500) verdict = judge(verdict, 'no', atMs, counting)
  t.is(verdict.health, 'starting')
  t.is(judge(verdict, 'no', 46_000, counting).health, 'unhealthy')
  t.is(judge(verdict, undefined, 46_000, counting).health, 'healthy')
})

test('verdict: of several the worst counts, one that starts first', t => {
  t.is(worst([]), 'healthy')
  t.is(worst(['healthy', 'healthy']), 'healthy')
  t.is(worst(['healthy', 'unhealthy']), 'unhealthy')
  t.is(worst(['unhealthy', 'starting', 'healthy']), 'starting')
})
