import test from 'ava'
import { FakeClock, settle } from './fake-clock.ts'

test('fake clock: timers run in order of time, each at its own, also those that a timer set', async t => {
  const clock = new FakeClock()
  const ran: string[] = []
  const note = (name: string) => () => void ran.push(`${name} ${clock.monotonicMs()}`)
  clock.after(20, note('late'))
  clock.after(10, () => {
    note('early')()
    clock.after(5, note('inner'))
  })
  clock.after(20, note('same'))
  clock.after(21, note('later'))
  await clock.advance(20)
  t.deepEqual(ran, ['early 10', 'inner 15', 'late 20', 'same 20'])
  t.is(clock.monotonicMs(), 20)
  t.is(clock.pendingTimers, 1)
})

test('fake clock: promises settle between two timers, and a cancelled timer never runs', async t => {
  const clock = new FakeClock()
  let cancelled = false
  let depth = 0
  const cancel = clock.after(2, () => (cancelled = true))
  clock.after(1, () => {
    const deeper = async (): Promise<void> => {
      await Promise.resolve()
      if (++depth < 100) await deeper()
      else cancel()
    }
    void deeper()
  })
  await clock.advance(2)
  t.is(depth, 100)
  t.false(cancelled)
})

test('fake clock: what was overslept runs late, in order', async t => {
  const clock = new FakeClock()
  const ran: number[] = []
  clock.after(10, () => ran.push(clock.monotonicMs()))
  clock.oversleep(50)
  t.deepEqual(ran, [])
  await clock.advance(0)
  t.deepEqual(ran, [50])
  await settle()
  t.is(clock.wallMicros(), 1_000_000_000_050_000)
})
