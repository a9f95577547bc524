import test from 'ava'
import { Probe, type Attempt } from '../../../agents/probes/probe.ts'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { defaultProbePace, type ProbePace } from '../../../broker/ground/probes.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

const pace: ProbePace = { ...defaultProbePace, intervalMs: 1000, timeoutMs: 400, failureThreshold: 2 }

/** A probe whose attempts the test answers, in the order in which they were made. */
function probing(more: Partial<ProbePace> = {}, startsWithinMs?: number) {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => { throw error } })
  const attempts: { readonly atMs: number; readonly signal: AbortSignal; readonly began: () => void; readonly answer: (problem?: string) => void; readonly fail: (error: Error) => void }[] = []
  const begin: Attempt = (signal, began = () => {}) => new Promise((resolve, reject) => void attempts.push({ atMs: clock.monotonicMs(), signal, began, answer: resolve, fail: reject }))
  const sight: { by: string | undefined } = { by: 'it' }
  const attempt: Attempt = Object.assign(begin, { sight: () => sight.by }, startsWithinMs === undefined ? {} : { startsWithinMs })
  const changes: string[] = []
  const probe = new Probe({ pace: { ...pace, ...more }, about: { kind: 'ping', target: '' }, attempt, clock, deadlines, onChange: one => changes.push(one.health) })
  /** Answers the attempt that is under way. */
  const answer = async (problem?: string): Promise<void> => {
    attempts.at(-1)!.answer(problem)
    await settle()
  }
  return { clock, deadlines, attempts, changes, probe, answer, sight }
}

test('probe: tries at once after the initial delay, twice a second until it starts, then in its interval', async t => {
  const { clock, attempts, answer, changes, probe } = probing({ initialDelayMs: 200 })
  await clock.advance(190)
  t.is(attempts.length, 0)
  await clock.advance(30)
  t.is(attempts.length, 1)
  await answer('not yet')
  t.like(probe.info, { kind: 'ping', target: '', health: 'starting', problem: 'not yet' })
  await clock.advance(500)
  t.is(attempts.length, 2)
  await answer()
  t.deepEqual(changes, ['healthy'])
  t.is(probe.info.problem, undefined)
  await clock.advance(950)
  t.is(attempts.length, 2)
  await clock.advance(60)
  t.is(attempts.length, 3)
})

test('probe: without an answer in time an attempt has failed, and a late answer counts for nothing', async t => {
  const { clock, attempts, answer, changes, probe } = probing()
  await clock.advance(20)
  await answer()
  await clock.advance(1000)
  await clock.advance(420)
  t.true(attempts[1]!.signal.aborted)
  t.is(probe.info.problem, 'no answer within 400 ms')
  t.is(probe.health, 'healthy')
  // The answer of the round before comes while the next is under way.
  await clock.advance(600)
  t.is(attempts.length, 3)
  attempts[1]!.answer()
  await settle()
  t.is(probe.health, 'healthy')
  await clock.advance(420)
  t.deepEqual(changes, ['healthy', 'unhealthy'])
  await clock.advance(600)
  await answer()
  t.deepEqual(changes.slice(2), ['healthy'])
})

test('probe: while nothing can be seen nothing is tried, and what fails meanwhile does not count', async t => {
  const { clock, attempts, answer, changes, probe, sight } = probing({ failureThreshold: 1 })
  await clock.advance(20)
  await answer()
  await clock.advance(1000)
  t.is(attempts.length, 2)
  sight.by = undefined
  await clock.advance(5000)
  t.is(attempts.length, 2)
  t.like(probe.info, { health: 'healthy', problem: undefined })
  sight.by = 'it'
  await clock.advance(1000)
  t.is(attempts.length, 3)
  await answer('gone')
  t.deepEqual(changes, ['healthy', 'unhealthy'])
})

test('probe: what began before the instance was out of sight and fails when it is back does not count', async t => {
  const { clock, attempts, answer, changes, probe, sight } = probing({ failureThreshold: 1 })
  await clock.advance(20)
  await answer()
  await clock.advance(1000)
  t.is(attempts.length, 2)
  sight.by = undefined
  await clock.advance(100)
  sight.by = 'it, again'
  await clock.advance(320)
  t.true(attempts[1]!.signal.aborted)
  t.like(probe.info, { health: 'healthy', problem: undefined })
  await clock.advance(600)
  t.is(attempts.length, 3)
  await answer('gone')
  t.deepEqual(changes, ['healthy', 'unhealthy'])
})

test('probe: an attempt that throws has failed, with what it threw', async t => {
  const { clock, attempts, probe } = probing()
  await clock.advance(20)
  attempts[0]!.fail(new Error('no such program'))
  await settle()
  t.is(probe.info.problem, 'no such program')
})

test('probe: when the broker itself comes late, the round says nothing', async t => {
  const { clock, attempts, answer, probe } = probing()
  await clock.advance(20)
  await answer()
  await clock.advance(1000)
  t.is(attempts.length, 2)
  clock.oversleep(5000)
  await clock.advance(0)
  t.is(probe.problem, undefined)
  await clock.advance(50)
  t.is(attempts.length, 3)
})

test('probe: once it is stopped nothing is tried, nothing counts, and no timer is left', async t => {
  const { clock, deadlines, attempts, changes, probe } = probing()
  await clock.advance(20)
  probe.stop()
  t.true(attempts[0]!.signal.aborted)
  attempts[0]!.answer()
  await clock.advance(10_000)
  t.is(attempts.length, 1)
  t.deepEqual(changes, [])
  t.is(deadlines.size, 0)
})

test('probe: who may be ready is tried again at once, but never before the initial delay is over', async t => {
  const { clock, attempts, answer, probe } = probing({ initialDelayMs: 1000 })
  await clock.advance(500)
  probe.hurry()
  await clock.advance(100)
  t.is(attempts.length, 0)
  await clock.advance(420)
  t.is(attempts.length, 1)
  probe.hurry()
  await answer('not yet')
  probe.hurry()
  await clock.advance(30)
  t.is(attempts.length, 2)
  await answer()
  probe.hurry()
  await clock.advance(500)
  t.is(attempts.length, 2, 'it has started')
})

test('probe: what takes its time to begin is not held against the agent, unless it takes all that it has for that', async t => {
  const { clock, attempts, changes, probe } = probing({}, 3000)
  await clock.advance(2000)
  t.is(attempts.length, 1)
  attempts[0]!.began()
  await clock.advance(390)
  t.is(probe.info.last, undefined)
  await clock.advance(30)
  t.is(probe.problem, 'no answer within 400 ms')
  await clock.advance(3100)
  t.is(probe.problem, 'has not begun within 3000 ms')
  t.deepEqual(changes, [])
})
