import test from 'ava'
import { Silence } from '../../watchdog/silence.ts'

test('silence: it grows with the time until something is heard', t => {
  const silence = new Silence()
  t.deepEqual([0, 1000, 2000, 3100].map(nowMs => silence.tick(nowMs)), [0, 1000, 2000, 3100])
  silence.heard()
  t.is(silence.tick(4100), 1000)
})

test('silence: time in which watchdog or machine stood still is none of the broker', t => {
  const silence = new Silence()
  silence.tick(0)
  silence.tick(1000)
  // An hour of sleep: the broker slept too.
  t.is(silence.tick(3_601_000), 3000)
  silence.heard()
  t.is(silence.tick(3_602_000), 1000)
})
