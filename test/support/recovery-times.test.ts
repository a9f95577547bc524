import test from 'ava'
import { RecoveryTimes } from './recovery-times.ts'

test('recovery times: median and maximum of what passed', t => {
  const times = new RecoveryTimes('back')
  const now = performance.now()
  for (const agoMs of [10_000, 30_000, 20_000]) times.since(now - agoMs)
  t.true(times.medianMs >= 20_000 && times.medianMs < 30_000)
  t.true(times.maxMs >= 30_000 && times.maxMs < 40_000)
  t.regex(String(times), /^back: median 2\d{4} ms, max 3\d{4} ms of 3$/)
})

test('recovery times: rounds are due until there are enough, and more of them while most are too slow', t => {
  const slow = new RecoveryTimes('back')
  const ago = (ms: number): void => slow.since(performance.now() - ms)
  t.true(slow.isDue(2, 60_000))
  for (let rounds = 1; rounds < 8; rounds++) {
    ago(90_000)
    t.true(slow.isDue(2, 60_000))
  }
  ago(90_000)
  t.false(slow.isDue(2, 60_000), 'it does not go on for ever')
  const quick = new RecoveryTimes('back')
  quick.since(performance.now())
  t.true(quick.isDue(2, 60_000))
  quick.since(performance.now())
  t.false(quick.isDue(2, 60_000))
})
