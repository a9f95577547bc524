import test from 'ava'
import fc from 'fast-check'
import { ReorderBuffer } from '../../../../broker/store/policy/reorder-buffer.ts'

const settings = { bufferSize: 3, timeoutMs: 100 }

test('reorder buffer: those after a gap wait until it is filled', (t) => {
  const buffer = new ReorderBuffer(settings)
  t.deepEqual(buffer.arrive('a', 1, 11, 0), [11])
  t.deepEqual(buffer.arrive('a', 3, 12, 0), [])
  t.deepEqual(buffer.arrive('a', 4, 13, 0), [])
  t.deepEqual(buffer.arrive('b', 1, 14, 0), [14])
  t.is(buffer.lateCount, 2)
  t.deepEqual(buffer.arrive('a', 2, 15, 0), [15, 12, 13])
  t.is(buffer.lateCount, 0)
})

test('reorder buffer: too many that wait go on without the missing one, which goes on when it comes', (t) => {
  const buffer = new ReorderBuffer(settings)
  for (const sequence of [2, 4, 5]) t.deepEqual(buffer.arrive('a', sequence, sequence, 0), [])
  t.deepEqual(buffer.arrive('a', 6, 6, 0), [2])
  t.deepEqual(buffer.arrive('a', 1, 1, 0), [1])
  t.deepEqual(buffer.arrive('a', 3, 3, 0), [3, 4, 5, 6])
})

test('reorder buffer: nobody waits longer than the time-out', (t) => {
  const buffer = new ReorderBuffer(settings)
  buffer.arrive('a', 2, 2, 1000)
  buffer.arrive('a', 5, 5, 1050)
  t.is(buffer.nextTimeoutMs, 1100)
  t.deepEqual(buffer.timeOut(1099), [])
  t.deepEqual(buffer.timeOut(1100), [2])
  t.deepEqual(buffer.timeOut(1150), [5])
  t.is(buffer.nextTimeoutMs, Infinity)
})

test('reorder buffer: a session that is not known goes on where it is remembered', (t) => {
  const buffer = new ReorderBuffer(settings, (session) => (session === 'a' ? 7 : 1))
  t.deepEqual(buffer.arrive('a', 8, 8, 0), [])
  t.deepEqual(buffer.arrive('a', 7, 7, 0), [7, 8])
})

test('reorder buffer: those that are gone are not waited with', (t) => {
  const buffer = new ReorderBuffer(settings)
  buffer.arrive('a', 2, 2, 0)
  buffer.remove(2)
  t.is(buffer.lateCount, 0)
  t.deepEqual(buffer.arrive('a', 1, 1, 0), [1])
})

test('reorder buffer: without a buffer all go on as they come', (t) => {
  const buffer = new ReorderBuffer({ ...settings, bufferSize: 0 })
  t.deepEqual([buffer.arrive('a', 9, 1, 0), buffer.arrive('a', 3, 2, 0)], [[1], [2]])
})

test('reorder buffer: numbers that are shuffled within the buffer come out in order, each once', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 60 }), fc.integer({ min: 4, max: 10 }), (lags, bufferSize) => {
      // Each is late by no more places than the buffer has.
      const numbers = lags.map((lag, i) => ({ key: i + lag + 0.5 * Number(lag > 0), sequence: i + 1 })).sort((a, b) => a.key - b.key).map(({ sequence }) => sequence)
      const buffer = new ReorderBuffer({ bufferSize, timeoutMs: 100 })
      const out = numbers.flatMap((sequence) => buffer.arrive('a', sequence, sequence, 0))
      return out.length === numbers.length && out.every((position, i) => position === i + 1)
    }),
  )
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 50 })), fc.nat(5), (numbers, bufferSize) => {
      const buffer = new ReorderBuffer({ bufferSize, timeoutMs: 100 })
      const out = numbers.flatMap((sequence) => buffer.arrive('a', sequence, sequence, 0))
      out.push(...buffer.timeOut(100))
      return buffer.lateCount === 0 && new Set(out).size === numbers.length && out.length === numbers.length
    }),
  )
  t.pass()
})
