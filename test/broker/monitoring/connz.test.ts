import test from 'ava'
import fc from 'fast-check'
import { ClosedConnections } from '../../../broker/monitoring/closed-connections.ts'
import { connz } from '../../../broker/monitoring/connz.ts'
import type { ConnectionFigures, SubscriptionFigures } from '../../../broker/monitoring/figures.ts'
import { connectionSorts, type ConnectionQuery } from '../../../broker/ground/monitoring.ts'

const now = { wallMicros: 1_700_000_100_000_000, monotonicMs: 100_000, epochMicros: 1_700_000_000_000_000 }
const asked: ConnectionQuery = { sort: 'cid', state: 'open', subscriptions: 'none', cid: undefined, withPrincipals: false, principal: undefined, account: undefined, offset: 0, limit: 0 }

function subscriptions(count: number): SubscriptionFigures[] {
  return Array.from({ length: count }, (_, i) => ({ subject: `weather.${i}`, group: undefined, sid: String(i + 1), messages: undefined, max: undefined }))
}

function figures(number: number, more: Partial<ConnectionFigures> = {}): ConnectionFigures {
  const list = subscriptions(more.subscriptions ?? 0)
  return {
    number, type: 'nats', ip: '127.0.0.1', port: 40_000 + number, startMs: number, activeMs: number, end: undefined, rttMicros: undefined, pendingBytes: 0, inMessages: 0, outMessages: 0,
    inBytes: 0, outBytes: 0, subscriptions: 0, name: undefined, lang: undefined, version: undefined, principal: 'owner', list: () => list, ...more,
  }
}

const someFigures = fc.array(
  fc.record({ startMs: fc.nat(90_000), activeMs: fc.nat(90_000), rttMicros: fc.option(fc.nat(5000), { nil: undefined }), pendingBytes: fc.nat(9), inMessages: fc.nat(9), outMessages: fc.nat(9), inBytes: fc.nat(9), outBytes: fc.nat(9), subscriptions: fc.nat(3), isOpen: fc.boolean() }),
  { maxLength: 30 },
).map(records => records.map(({ isOpen, ...more }, i) => figures(i + 1, { ...more, end: isOpen ? undefined : { atMs: 95_000 + i, reason: i % 2 === 0 ? 'Read Error' : 'Client Closed' } })))

test('connz: pages of a sorted list hold each connection once, in one order', t => {
  fc.assert(
    fc.property(someFigures, fc.constantFrom(...connectionSorts), fc.integer({ min: 1, max: 7 }), (all, sort, limit) => {
      const [open, closed] = [all.filter(({ end }) => end === undefined), all.filter(({ end }) => end !== undefined)]
      const query: ConnectionQuery = { ...asked, sort, state: sort === 'stop' || sort === 'reason' ? 'closed' : 'any', limit }
      const whole = connz('id', open, closed, { ...query, limit: 0 }, now)
      const pages: number[] = []
      for (let offset = 0; offset < whole.total; offset += limit) pages.push(...connz('id', open, closed, { ...query, offset }, now).connections.map(({ cid }) => cid))
      t.deepEqual(pages, whole.connections.map(({ cid }) => cid))
      t.is(new Set(pages).size, query.state === 'any' ? all.length : closed.length)
    }),
  )
})

test('connz: all orders but those by number and reason put the most first', t => {
  fc.assert(
    fc.property(someFigures, all => {
      const open = all.map(one => ({ ...one, end: undefined }))
      const values = (sort: ConnectionQuery['sort'], of: (one: ConnectionFigures) => number): number[] => connz('id', open, [], { ...asked, sort }, now).connections.map(({ cid }) => of(open[cid - 1]!))
      const falls = (list: readonly number[]): boolean => list.every((value, i) => i === 0 || list[i - 1]! >= value)
      t.true(falls(values('subs', one => one.subscriptions)))
      t.true(falls(values('pending', one => one.pendingBytes)))
      t.true(falls(values('msgs_to', one => one.outMessages)))
      t.true(falls(values('msgs_from', one => one.inMessages)))
      t.true(falls(values('bytes_to', one => one.outBytes)))
      t.true(falls(values('bytes_from', one => one.inBytes)))
      t.true(falls(values('last', one => one.activeMs)))
      t.true(falls(values('rtt', one => one.rttMicros ?? 0)))
      t.true(falls(values('idle', one => -one.activeMs)))
      t.true(falls(values('uptime', one => -one.startMs)))
      t.true(falls(values('cid', one => -one.number)))
    }),
  )
})

test('connz: a list is never longer than 1,024, whatever is asked for', t => {
  const open = Array.from({ length: 3000 }, (_, i) => figures(i + 1))
  t.like(connz('id', open, [], { ...asked, limit: 100_000 }, now), { num_connections: 1024, total: 3000, limit: 1024 })
  t.like(connz('id', open, [], { ...asked, limit: -1, offset: -7 }, now), { num_connections: 1024, limit: 1024, offset: 0 })
  t.like(connz('id', open, [], { ...asked, offset: 2990 }, now), { num_connections: 10, total: 3000, offset: 2990 })
})

test('connz: subscriptions are listed up to a sum, their number always is', t => {
  const open = [1, 2, 3].map(number => figures(number, { subscriptions: 8000 }))
  const { connections } = connz('id', open, [], { ...asked, subscriptions: 'list' }, now)
  t.deepEqual(connections.map(({ subscriptions, subscriptions_list }) => [subscriptions, subscriptions_list?.length]), [[8000, 8000], [8000, 8000], [8000, undefined]])
})

test('connz: names of principals are told on demand alone', t => {
  const open = [figures(1, { principal: 'alice' }), figures(2, { principal: 'bob' })]
  t.deepEqual(connz('id', open, [], asked, now).connections.map(({ authorized_user: user }) => user), [undefined, undefined])
  t.deepEqual(connz('id', open, [], { ...asked, withPrincipals: true }, now).connections.map(({ authorized_user: user }) => user), ['alice', 'bob'])
  t.deepEqual(connz('id', open, [], { ...asked, withPrincipals: true, principal: 'bob' }, now).connections.map(({ cid }) => cid), [2])
})

test('connz: one connection by its number, open or closed', t => {
  const closed = [figures(1, { end: { atMs: 50_000, reason: 'Slow Consumer (Pending Bytes)' } })]
  t.like(connz('id', [figures(2)], closed, { ...asked, cid: 1 }, now), { num_connections: 0, total: 1, limit: 1 })
  const { connections } = connz('id', [figures(2)], closed, { ...asked, cid: 1, state: 'any' }, now)
  t.like(connections[0], { cid: 1, reason: 'Slow Consumer (Pending Bytes)', stop: '2023-11-14T22:14:10.000000Z', uptime: '49s' })
})

test('connz: of closed connections the last few hundred are kept, and few subscriptions of each', t => {
  const closed = new ClosedConnections()
  for (let number = 1; number <= 300; number++) closed.add(figures(number, { subscriptions: 40 }), { atMs: 90_000 + number, reason: 'Client Closed' })
  const kept = closed.all().map(({ number }) => number)
  t.is(kept.length, 256)
  t.deepEqual([Math.min(...kept), Math.max(...kept)], [45, 300])
  const { connections } = connz('id', [], closed.all(), { ...asked, state: 'closed', sort: 'stop', subscriptions: 'detail', limit: 1 }, now)
  t.is(connections[0]!.cid, 300)
  t.is(connections[0]!.subscriptions_list_detail!.length, 10)
  t.is(connections[0]!.subscriptions, 40)
})
