import test from 'ava'
import fc from 'fast-check'
import { backoffMs } from '../../actors/backoff.ts'

const settings = { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 }

test('backoff: doubles with every failure in a row up to its maximum', t => {
  t.deepEqual([1, 2, 3, 4, 5, 5000].map(failures => backoffMs(settings, failures, 0.5)), [100, 200, 400, 800, 1000, 1000])
})

test('backoff: the jittered share is random, the rest is certain', t => {
  const property = fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 50 }), (jitter, random, failures) => {
    const fullMs = backoffMs(settings, failures, 1)
    const delayMs = backoffMs({ ...settings, jitter }, failures, random)
    return delayMs <= fullMs + 1e-9 && delayMs >= fullMs * (1 - jitter) - 1e-9
  })
  t.notThrows(() => fc.assert(property))
  t.is(backoffMs({ ...settings, jitter: 0.2 }, 1, 0), 80)
  t.is(backoffMs({ ...settings, jitter: 0.2 }, 1, 1), 100)
})
