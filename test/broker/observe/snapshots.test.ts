import test from 'ava'
import { Snapshots } from '../../../broker/observe/snapshots.ts'

const receivers = (...numbers: number[]): { number: number }[] => numbers.map(number => ({ number }))

test('snapshots: the last ones are known, no more of them than there are runs', t => {
  const snapshots = new Snapshots(4)
  const ids = Array.from({ length: 10 }, (_, i) => snapshots.add(receivers(i, i + 1)))
  t.deepEqual(ids.map(id => snapshots.get(id)), ids.map((_, i) => (i < 6 ? undefined : [i, i + 1])))
  t.is(snapshots.oldest, ids[6]!)
})

test('snapshots: a few large ones are bounded by their numbers, and the newest is always known', t => {
  const snapshots = new Snapshots(1000)
  const many = Array.from({ length: 1_500_000 }, (_, number) => ({ number }))
  const [first, second] = [snapshots.add(many), snapshots.add(many)]
  t.is(snapshots.get(first), undefined)
  t.is(snapshots.get(second)!.length, 1_500_000)
})
