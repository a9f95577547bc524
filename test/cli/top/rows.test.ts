import test from 'ava'
import fc from 'fast-check'
import { rowsOf, sorted, sortKeys, type TopRow } from '../../../cli/top/rows.ts'
import { queueInfo } from '../../support/queue-info.ts'
import { agentInfo, channelInfo, connectionInfo, topSample } from '../../support/top-sample.ts'

const sent = (messages: number) => ({ messages, bytes: 0 })
const got = (messages: number, pendingBytes = 0) => ({ messages, bytes: 0, pendingMessages: 0, pendingBytes })
const channelStats = (dropped: Readonly<Record<string, number>>) => ({ name: 'events', accepted: 0, deliveries: 0, written: 0, forwarded: 0, stored: 0, pending: 0, rejected: 0, duplicates: 0, dropped })
const row = (rows: readonly TopRow[], name: string): TopRow => rows.find(each => each.name === name)!

test('top rows: rates are growth per second between two looks', t => {
  const before = topSample({ atMs: 1000, stats: { accepted: 10, written: 5, dropped: { overflow: 1, 'no-interest': 4 }, channels: [channelStats({ expired: 2, 'no-interest': 1 })] }, connections: [connectionInfo({ id: 'conn-1', in: sent(100), out: got(0), dropped: 2 })], channels: [channelInfo({ name: 'events', accepted: 1 })] })
  const now = topSample({ atMs: 3000, stats: { accepted: 30, written: 105, dropped: { overflow: 5, 'no-interest': 400 }, channels: [channelStats({ expired: 4, 'no-interest': 50 })] }, connections: [connectionInfo({ id: 'conn-1', in: sent(140), out: got(10), dropped: 8 })], channels: [channelInfo({ name: 'events', accepted: 7, delivered: 4 })] })
  const rows = rowsOf(before, now)
  t.like(row(rows, 'abc'), { kind: 'broker', inRate: 10, outRate: 50, lostRate: 2 })
  t.like(row(rows, 'conn-1'), { kind: 'connection', inRate: 20, outRate: 5, lostRate: 3 })
  t.like(row(rows, 'events'), { kind: 'channel', inRate: 3, outRate: 2, lostRate: 1 })
})

test('top rows: what was not there before, and a broker that began anew, have no rate yet', t => {
  const now = topSample({ atMs: 1000, connections: [connectionInfo({ id: 'conn-1', in: sent(50) })], stats: { accepted: 50 } })
  t.like(row(rowsOf(topSample(), now), 'conn-1'), { inRate: 0 })
  const restarted = topSample({ ...now, status: { incarnation: 2 } })
  t.like(row(rowsOf(topSample({ stats: { accepted: 10 } }), restarted), 'abc'), { inRate: 0 })
})

test('top rows: an agent stands with its connection in one row, and who looks in none', t => {
  const now = topSample({
    connections: [connectionInfo({ id: 'conn-4', agent: 'echo', out: got(0, 77) }), connectionInfo({ id: 'conn-5', agent: 'foreign' }), connectionInfo({ id: 'conn-6', client: 'cli-1' })],
    agents: [agentInfo({ name: 'echo', restarts: 3, residentBytes: 5000 }), agentInfo({ name: 'down' })],
    mailboxes: new Map([['agent.echo', 2], ['conn-4', 9]]),
    latency: { ...topSample().latency, groups: [{ kind: 'connection', name: 'conn-4', count: 9, p50: 1, p95: 2, p99: 3, max: 4 }] },
  })
  const rows = rowsOf(now, now)
  t.deepEqual(rows.map(({ kind, name }) => [kind, name]), [['broker', 'abc'], ['agent', 'echo'], ['agent', 'down'], ['connection', 'conn-5']])
  t.like(row(rows, 'echo'), { restarts: 3, memoryBytes: 5000, mailbox: 2, outboundBytes: 77, p99Ms: 3 })
  t.like(row(rows, 'down'), { restarts: 0, outboundBytes: undefined })
})

test('top rows: a queue says what it took, what was done with it, and what it gave up', t => {
  const before = topSample({ atMs: 1000, queues: [queueInfo({ counts: { stored: 10, acked: 4 } })] })
  const now = topSample({ atMs: 3000, queues: [queueInfo({ counts: { stored: 30, replayed: 2, acked: 8, forwarded: 2, deadLettered: 3, dropped: 1, ready: 5, inFlight: 1, bytes: 700 } }), queueInfo({ name: 'new', counts: { stored: 9 } })] })
  const rows = rowsOf(before, now)
  t.like(row(rows, 'jobs'), { kind: 'queue', inRate: 11, outRate: 3, lostRate: 2, outboundMessages: 6, outboundBytes: 700 })
  t.like(row(rows, 'new'), { kind: 'queue', inRate: 0 })
})

test('top rows: sorted by any figure the largest stands first, the broker above all, and nothing is lost', t => {
  const figure = fc.option(fc.nat({ max: 5 }), { nil: undefined })
  const anyRow = fc.record({ kind: fc.constantFrom('broker', 'agent', 'connection', 'channel'), name: fc.string({ maxLength: 3 }), inRate: fc.nat({ max: 5 }), outRate: fc.nat({ max: 5 }), lostRate: fc.constant(0), mailbox: figure, outboundMessages: fc.nat({ max: 5 }), outboundBytes: figure, p99Ms: figure, restarts: figure, memoryBytes: figure })
  const figureOf = { rate: (row: TopRow) => row.inRate + row.outRate, mailbox: (row: TopRow) => row.mailbox, outbound: (row: TopRow) => row.outboundBytes ?? row.outboundMessages, p99: (row: TopRow) => row.p99Ms, restarts: (row: TopRow) => row.restarts, heap: (row: TopRow) => row.memoryBytes }
  fc.assert(
    fc.property(fc.array(anyRow as fc.Arbitrary<TopRow>, { maxLength: 20 }), fc.constantFrom(...sortKeys), (rows, key) => {
      const found = sorted(rows, key)
      t.is(found.length, rows.length)
      t.true(rows.every(each => found.includes(each)))
      const brokers = found.filter(({ kind }) => kind === 'broker')
      t.deepEqual(found.slice(0, brokers.length), brokers)
      const rest = found.slice(brokers.length)
      for (const [at, next] of rest.slice(1).entries()) {
        if (key === 'name') t.true(rest[at]!.name <= next.name)
        else t.true((figureOf[key](rest[at]!) ?? -1) >= (figureOf[key](next) ?? -1))
      }
    }),
  )
})
