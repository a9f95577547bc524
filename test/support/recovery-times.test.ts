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
