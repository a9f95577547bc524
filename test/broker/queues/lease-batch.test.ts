import test from 'ava'
import { LeaseBatch } from '../../../broker/queues/lease-batch.ts'

function batchOf(leases: readonly string[]): { batch: LeaseBatch<string>; dropped: [leases: string, mayHaveArrived: boolean][] } {
  const dropped: [string, boolean][] = []
  const batch = new LeaseBatch<string>(some => dropped.push([some.join(''), batch.mayHaveArrived]))
  for (const lease of leases) batch.add(lease)
  return { batch, dropped }
}

test('lease batch: of a slice that was taken apart each part has its fate, in order', t => {
  const { batch, dropped } = batchOf(['a', 'b', 'c', 'd'])
  batch.leaving()
  batch.settled(1, 'written', 2)
  batch.settled(1, 'dropped(link-down)', 1)
  batch.settled(1, 'dropped(overflow)', 1)
  t.deepEqual(dropped, [['c', true], ['d', true]])
})

test('lease batch: before its write begins nothing of it can have arrived', t => {
  const { batch, dropped } = batchOf(['a', 'b'])
  t.false(batch.mayHaveArrived)
  batch.settled(1, 'dropped(overflow)', 2)
  t.deepEqual(dropped, [['ab', false]])
})
