import test from 'ava'
import fc from 'fast-check'
import type { Clock } from '../../../broker/ground/clock.ts'
import { Deadline, Deadlines } from '../../../broker/ground/deadlines.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const TICK_MS = 10

function wheel(): { clock: FakeClock; deadlines: Deadlines; errors: unknown[] } {
  const clock = new FakeClock()
  const errors: unknown[] = []
  return { clock, deadlines: new Deadlines(clock, { tickMs: TICK_MS, onError: error => errors.push(error) }), errors }
}

// What an expiry does to a deadline of the same wheel, itself included.
interface Effect {
  readonly kind: 'set' | 'cancel'
  readonly target: number
  readonly delayMs: number
}

type Step = Effect | { readonly kind: 'advance'; readonly ms: number } | { readonly kind: 'oversleep'; readonly ms: number }

const COUNT = 6
// Often whole ticks and whole turns, so that deadlines meet in one slot.
const delayMs = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, TICK_MS, 512 * TICK_MS) }, { weight: 1, arbitrary: fc.nat(3 * TICK_MS) }, { weight: 1, arbitrary: fc.nat(20_000) })
const effect: fc.Arbitrary<Effect> = fc.record({ kind: fc.constantFrom<Effect['kind'][]>('set', 'set', 'set', 'cancel'), target: fc.nat(COUNT - 1), delayMs })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: effect },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance'), ms: delayMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('oversleep'), ms: delayMs }) },
)

test('deadlines: agree with a naive list in every history, whatever an expiry sets or cancels', async t => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.array(fc.array(effect, { maxLength: 3 }), { maxLength: 12 }), async (steps, effects) => {
    const { clock, deadlines, errors } = wheel()
    const due = new Map<number, number>()
    const problems: string[] = []
    let wokeAtMs = 0
    const apply = ({ kind, target, delayMs }: Effect): void => {
      if (kind === 'set') {
        deadlines.set(all[target]!, delayMs)
        due.set(target, clock.monotonicMs() + delayMs)
      } else {
        deadlines.cancel(all[target]!)
        due.delete(target)
      }
    }
    const expire = (index: number): void => {
      const now = clock.monotonicMs()
      const dueMs = due.get(index)
      if (dueMs === undefined) problems.push(`${index} fired at ${now} and was not set`)
      else if (now < dueMs) problems.push(`${index} fired at ${now}, ${dueMs - now} ms early`)
      else if (now > Math.max(dueMs + TICK_MS, wokeAtMs)) problems.push(`${index} fired at ${now}, ${now - dueMs} ms late`)
      due.delete(index)
      for (const one of effects.shift() ?? []) apply(one)
    }
    const all = Array.from({ length: COUNT }, (_, index) => new Deadline(() => expire(index)))
    for (const one of steps) {
      if (one.kind === 'advance') await clock.advance(one.ms)
      else if (one.kind === 'oversleep') {
        clock.oversleep(one.ms)
        wokeAtMs = clock.monotonicMs()
        await clock.advance(0)
      } else apply(one)
      for (const [index, dueMs] of due) if (dueMs + TICK_MS < clock.monotonicMs()) problems.push(`${index} was due at ${dueMs} and has not fired at ${clock.monotonicMs()}`)
      if (deadlines.size !== due.size) problems.push(`size ${deadlines.size}, expected ${due.size}`)
      for (const [index, deadline] of all.entries()) if (deadline.isSet !== due.has(index)) problems.push(`${index} says isSet ${deadline.isSet}`)
      if (problems.length > 0) throw new Error(problems.join('\n'))
    }
    deadlines.close()
    if (deadlines.size !== 0 || clock.pendingTimers !== 0 || errors.length > 0) throw new Error('something is left after close')
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: 1000 }))
})

test('deadlines: one that sets itself anew without delay lets the event loop turn in between', async t => {
  const { clock, deadlines } = wheel()
  let fired = 0
  let other = 0
  const deadline = new Deadline(() => {
    fired++
    deadlines.set(deadline, 0)
  })
  deadlines.set(deadline, TICK_MS)
  deadlines.set(new Deadline(() => other++), TICK_MS)
  await clock.advance(TICK_MS)
  t.deepEqual([fired, other], [1, 1])
  await clock.advance(TICK_MS)
  t.true(fired > 1)
  deadlines.close()
})

test('deadlines: an expiry may move a neighbour of its own slot to another time, and nobody is forgotten', async t => {
  const { clock, deadlines } = wheel()
  const fired: string[] = []
  const neighbour = new Deadline(() => fired.push(`neighbour ${clock.monotonicMs()}`))
  const mover = new Deadline(() => deadlines.set(neighbour, 3 * TICK_MS))
  const last = new Deadline(() => fired.push(`last ${clock.monotonicMs()}`))
  for (const deadline of [mover, neighbour, last]) deadlines.set(deadline, TICK_MS)
  await clock.advance(10 * TICK_MS)
  t.deepEqual(fired, ['last 10', 'neighbour 40'])
})

test('deadlines: an expiry may move a neighbour a whole turn of the wheel ahead, into the same slot', async t => {
  const { clock, deadlines } = wheel()
  const fired: string[] = []
  const neighbour = new Deadline(() => fired.push(`neighbour ${clock.monotonicMs()}`))
  const mover = new Deadline(() => deadlines.set(neighbour, 512 * TICK_MS))
  const last = new Deadline(() => fired.push(`last ${clock.monotonicMs()}`))
  for (const deadline of [mover, neighbour, last]) deadlines.set(deadline, TICK_MS)
  await clock.advance(600 * TICK_MS)
  t.deepEqual(fired, ['last 10', 'neighbour 5130'])
})

test('deadlines: an expiry that throws is reported and the others still fire', async t => {
  const { clock, deadlines, errors } = wheel()
  let fired = false
  const problem = new Error('expiry failed')
  deadlines.set(
    new Deadline(() => {
      throw problem
    }),
    TICK_MS,
  )
  deadlines.set(new Deadline(() => (fired = true)), TICK_MS)
  await clock.advance(2 * TICK_MS)
  t.deepEqual(errors, [problem])
  t.true(fired)
})

test('deadlines: closing within an expiry cancels what was due in the same tick', async t => {
  const { clock, deadlines } = wheel()
  let fired = 0
  deadlines.set(new Deadline(() => deadlines.close()), TICK_MS)
  const other = new Deadline(() => fired++)
  deadlines.set(other, TICK_MS)
  await clock.advance(2 * TICK_MS)
  t.is(fired, 0)
  t.false(other.isSet)
  t.deepEqual([deadlines.size, clock.pendingTimers], [0, 0])
})

test('deadlines: no timer runs while nothing is set', async t => {
  const { clock, deadlines } = wheel()
  t.is(clock.pendingTimers, 0)
  const deadline = new Deadline(() => {})
  deadlines.set(deadline, 5 * TICK_MS)
  deadlines.cancel(deadline)
  // The timer of a cancelled deadline runs out once.
  await clock.advance(5 * TICK_MS)
  t.is(clock.pendingTimers, 0)
})

test('deadlines: one that is further away than a timer of Node reaches does not fire at once', async t => {
  const clock = new FakeClock()
  const asked: number[] = []
  const after: Clock['after'] = (delayMs, callback) => {
    asked.push(delayMs)
    return clock.after(delayMs, callback)
  }
  const deadlines = new Deadlines({ wallMicros: () => clock.wallMicros(), wallMs: () => clock.wallMs(), monotonicMs: () => clock.monotonicMs(), after }, { onError: () => t.fail() })
  let fired = 0
  deadlines.set(new Deadline(() => fired++), 2 ** 32 - 1)
  await clock.advance(10_000)
  t.is(fired, 0)
  t.true(asked.every(delayMs => delayMs <= 2 ** 31 - 1))
  deadlines.close()
})
