import test from 'ava'
import fc from 'fast-check'
import { formatIdentity, formatImbalance, imbalanceOf, outsideOf, type Sums } from '../../cli/accounting-view.ts'

const sums = (more: Partial<Sums> = {}): Sums => ({ accepted: 5, deliveries: 10, written: 6, forwarded: 0, stored: 0, pending: 1, rejected: 2, duplicates: 0, dropped: { 'no-interest': 2, overflow: 1 }, ...more })

test('accounting view: the identity stands there with its numbers', t => {
  t.is(formatIdentity(sums({ deliveries: 1010, written: 1006 })), 'deliveries 1,010 = 1,006 written + 3 dropped + 1 pending')
  t.is(formatIdentity(sums({ deliveries: 12, forwarded: 2 })), 'deliveries 12 = 6 written + 2 forwarded + 3 dropped + 1 pending', 'where there are other brokers')
  t.is(formatIdentity(sums({ deliveries: 12, stored: 2 })), 'deliveries 12 = 6 written + 2 stored + 3 dropped + 1 pending', 'where there are queues')
  t.is(formatImbalance(sums()), undefined)
})

test('accounting view: the side that is off is named, with how much', t => {
  t.is(formatIdentity(sums({ deliveries: 12 })), 'deliveries 12 ≠ 6 written + 3 dropped + 1 pending')
  t.is(formatImbalance(sums({ deliveries: 12 })), '2 without a fate: the left side is too large')
  t.is(formatImbalance(sums({ written: 7 })), '1 too many fates: the right side is too large')
})

test('accounting view: a reason that is new to it counts like any other', t => {
  t.is(imbalanceOf(sums({ deliveries: 14, dropped: { 'no-interest': 2, overflow: 1, 'link-down': 4 } })), 0)
})

test('accounting view: what is outside channels is the sums less the channels', t => {
  const amount = fc.nat({ max: 1000 })
  const anySums = fc.record({ accepted: amount, deliveries: amount, written: amount, forwarded: amount, stored: amount, pending: amount, rejected: amount, duplicates: amount, dropped: fc.record({ overflow: amount, expired: amount }) })
  const keys = ['accepted', 'deliveries', 'written', 'forwarded', 'stored', 'pending', 'rejected', 'duplicates'] as const
  fc.assert(
    fc.property(fc.array(anySums, { maxLength: 5 }), anySums, (channels, outside) => {
      const all = [...channels, outside]
      const total = (pick: (each: (typeof all)[number]) => number): number => all.reduce((sum, each) => sum + pick(each), 0)
      const [accepted, deliveries, written, forwarded, stored, pending, rejected, duplicates] = keys.map(key => total(each => each[key])) as [number, number, number, number, number, number, number, number]
      const dropped = { overflow: total(each => each.dropped.overflow), expired: total(each => each.dropped.expired) }
      const found = outsideOf({ accepted, deliveries, written, forwarded, stored, pending, rejected, duplicates, dropped, balanced: true, channels: channels.map((each, n) => ({ name: `c${n}`, ...each })) })
      t.deepEqual(found, { name: '(outside)', ...outside })
    }),
  )
})
