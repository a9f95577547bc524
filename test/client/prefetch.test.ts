import test from 'ava'
import { Prefetch } from '../../client/prefetch.ts'

test('prefetch: grows while messages are taken at once, up to the most', t => {
  const prefetch = new Prefetch(1, 10)
  const sizes = [0, 50, 99, 0, 0].map(waitedMs => {
    prefetch.judge(waitedMs)
    return prefetch.size
  })
  t.deepEqual(sizes, [2, 4, 8, 10, 10])
})

test('prefetch: shrinks while messages wait for long, down to the least; in between it stays', t => {
  const prefetch = new Prefetch(3, 100)
  for (let n = 0; n < 3; n++) prefetch.judge(0)
  const sizes = [100, 1000, 1001, 5000, 5000].map(waitedMs => {
    prefetch.judge(waitedMs)
    return prefetch.size
  })
  t.deepEqual(sizes, [24, 24, 12, 6, 3])
})

test('prefetch: is never more than may be in flight', t => {
  t.is(new Prefetch(8, 2).size, 2)
})
