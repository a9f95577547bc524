import test from 'ava'
import { describeDeath, Judge, type Death } from '../../watchdog/judge.ts'

const death = (atMs: number, more: Partial<Death> = {}): Death => ({ atMs, servedMs: 5000, code: undefined, signal: 'SIGKILL', ...more })

test('judge: a broker that had settled is started again at once, each time', t => {
  const judge = new Judge(10, 60_000)
  for (const atMs of [10_000, 30_000, 50_000]) t.deepEqual(judge.judge(death(atMs)), { restart: true, afterMs: 0 })
})

test('judge: one that does not settle waits longer each time, up to 10 s, until it has settled', t => {
  const judge = new Judge(100, 60_000)
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(i => judge.judge(death(i, { servedMs: 1999 })))
  t.deepEqual(delays.map(verdict => verdict.restart && verdict.afterMs), [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
  t.deepEqual(judge.judge(death(20, { servedMs: 2000 })), { restart: true, afterMs: 0 })
  t.deepEqual(judge.judge(death(21, { servedMs: undefined })), { restart: true, afterMs: 0 })
  t.deepEqual(judge.judge(death(22, { servedMs: undefined })), { restart: true, afterMs: 100 })
})

test('judge: too many deaths within the period are the end, as many spread out are not', t => {
  const judge = new Judge(2, 60_000)
  t.true(judge.judge(death(0)).restart)
  t.true(judge.judge(death(1000)).restart)
  t.true(judge.judge(death(60_500)).restart)
  t.deepEqual(judge.judge(death(60_600)), { restart: false, why: 'it has died 3 times within 60 s' })
})

test('judge: what the next start would end with too is no reason for one', t => {
  const fresh = (): Judge => {
    const judge = new Judge(10, 60_000)
    judge.judge(death(0))
    return judge
  }
  t.deepEqual(fresh().judge(death(1, { servedMs: undefined, signal: undefined, code: 2 })), { restart: false, why: 'its command line or configuration is wrong' })
  t.deepEqual(fresh().judge(death(1, { servedMs: undefined, signal: undefined, code: 3 })), { restart: false, why: 'another broker has the home' })
  t.true(fresh().judge(death(1, { servedMs: undefined, signal: undefined, code: 1 })).restart)
  t.deepEqual(new Judge(10, 60_000).judge(death(1, { servedMs: undefined, signal: undefined, code: 1 })), { restart: false, why: 'it never came up' })
})

test('judge: a death in words', t => {
  t.is(describeDeath(death(0)), 'killed by SIGKILL')
  t.is(describeDeath(death(0, { signal: undefined, code: 1 })), 'exit code 1')
  t.is(describeDeath(death(0, { signal: undefined })), 'gone without a word')
  t.is(describeDeath(death(0, { silentMs: 30_400 })), 'hung: silent for 30 s, killed by the watchdog')
})
