import test from 'ava'
import { LatencyGroups } from '../../../broker/observe/latency-groups.ts'

test('latency groups: a channel and a connection of one name are two', t => {
  const groups = new LatencyGroups()
  groups.add('channel', 'a', 1000)
  groups.add('connection', 'a', 3000)
  groups.add('channel', 'a', 1000)
  t.like(groups.result([100]), [{ kind: 'channel', name: 'a', count: 2, max: 1, at: [{ percentile: 100, ms: 1 }] }, { kind: 'connection', name: 'a', count: 1, max: 3 }])
})

test('latency groups: however many senders there are, so many are told apart and no more', t => {
  const groups = new LatencyGroups()
  for (let n = 0; n < 5000; n++) groups.add('connection', `conn-${n}`, 1)
  t.is(groups.result([]).length, 2000)
})
