import test from 'ava'
import { busFields, linkFinding } from '../../cli/bus-view.ts'

const bus: Parameters<typeof linkFinding>[0] = {
  state: 'joined', server: '10.0.0.1:4222', serverName: 'n1', sinceMs: 60_000, rttMs: 0.4, peers: 1, patterns: 2, groups: 1, forwarded: 1234, held: 0,
  lost: { down: 0, unknown: 0 }, strays: 0, late: 0, unsent: 0,
  cluster: { brokers: [], clients: 0, channels: 0, conflicts: [], replicas: 1 },
}

test('bus view: a link that is joined says where, for how long and how far away', t => {
  t.deepEqual(busFields(bus), [['link', 'joined 10.0.0.1:4222 (n1) for 1 m, round trip 0.4 ms, 1 other broker'], ['bus', '2 patterns and 1 group wanted, 1,234 forwarded, 0 waiting']])
  t.is(linkFinding(bus).state, 'ok')
})

test('bus view: one without a server says why, and what was lost', t => {
  const { server: _, serverName: __, ...alone } = bus
  const waiting = { ...alone, state: 'waiting' as const, problem: 'connection refused', held: 5, lost: { down: 3, unknown: 2 }, late: 1 }
  t.deepEqual(busFields(waiting), [['link', 'no server, tries again, for 1 m: connection refused'], ['bus', '2 patterns and 1 group wanted, 1,234 forwarded, 5 waiting, 3 lost without a link, 2 in flight when it broke, 1 late']])
  t.like(linkFinding(waiting), { state: 'warn', check: 'link' })
})
