import test from 'ava'
import fc from 'fast-check'
import { isLastAttempt, retryDelayMs } from '../../../../broker/store/policy/retry-schedule.ts'

const base = { maxAttempts: 3, backoff: 'exponential', initialDelayMs: 1000, maxDelayMs: 30_000, jitter: 0 } as const

test('retry schedule: exponential delays double up to the limit', (t) => {
  t.deepEqual([1, 2, 3, 4, 5, 6, 7, 400].map((attempt) => retryDelayMs(base, attempt)), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
})

test('retry schedule: fixed delays stay, a list is followed and its last one repeated', (t) => {
  t.deepEqual([1, 2, 9].map((attempt) => retryDelayMs({ ...base, backoff: 'fixed' }, attempt)), [1000, 1000, 1000])
  t.deepEqual([1, 2, 3, 9].map((attempt) => retryDelayMs({ ...base, backoff: [5, 70_000, 20], jitter: 1 }, attempt)), [5, 70_000, 20, 20])
  t.is(retryDelayMs({ ...base, backoff: [] }, 1), 0)
})

test('retry schedule: the last attempt is the one that the limit names, and none without a limit', (t) => {
  t.deepEqual([1, 2, 3, 4].map((attempt) => isLastAttempt(base, attempt)), [false, false, true, true])
  t.false(isLastAttempt({ ...base, maxAttempts: 0 }, 1_000_000))
})

test('retry schedule: chance shortens a delay by its share at most, and never lengthens it', (t) => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), unit, unit, (attempt, initialDelayMs, maxDelayMs, jitter, random) => {
      const steady = retryDelayMs({ ...base, initialDelayMs, maxDelayMs }, attempt, random)
      const delay = retryDelayMs({ ...base, initialDelayMs, maxDelayMs, jitter }, attempt, random)
      return Number.isSafeInteger(delay) && delay <= steady && steady <= maxDelayMs && delay >= Math.floor(steady * (1 - jitter))
    }),
  )
  t.is(retryDelayMs({ ...base, jitter: 0.2 }, 1, 1), 800)
})
