import test from 'ava'
import { SharedSubjects } from '../../../../broker/upstream/nats/shared-subjects.ts'

const tokens = (subject: string): string[] => subject.split('.')

test('shared subjects: by default all but what belongs to a system', t => {
  const all = new SharedSubjects(['>'], [])
  for (const shared of ['orders', 'orders.new', '_INBOX.x.1', '$SRV.PING']) t.true(all.hasSubject(tokens(shared)), shared)
  for (const own of ['$CB.all', '$CB.to.client.x', '$SYS.x', '$JS.API.INFO', '$KV.callboard_leases.x', '$O.x']) t.false(all.hasSubject(tokens(own)), own)
})

test('shared subjects: one with $ is shared where it is named', t => {
  const named = new SharedSubjects(['$KV.mine.>'], [])
  t.true(named.hasSubject(tokens('$KV.mine.x')))
  t.false(named.hasSubject(tokens('$KV.other.x')))
  t.false(named.hasSubject(tokens('orders')))
})

test('shared subjects: a pattern is wanted from others when some subject of it is shared', t => {
  const some = new SharedSubjects(['orders.>', 'hall.*'], [])
  for (const wanted of ['>', '*.x', 'orders.new', 'orders.*.x', 'hall.>', '_INBOX.a.*']) t.true(some.hasPattern(tokens(wanted)), wanted)
  for (const here of ['private', 'hall', 'halls.x', '$JS.>']) t.false(some.hasPattern(tokens(here)), here)
})

test('shared subjects: a group is shared by the subject of the message, unless it is one of this broker', t => {
  const some = new SharedSubjects(['orders.>'], ['orders.cache'])
  t.true(some.hasGroup({ tokens: tokens('>'), name: 'g' }, tokens('orders.new')))
  t.false(some.hasGroup({ tokens: tokens('>'), name: 'g' }, tokens('private')), 'the others get nothing of that')
  const cache = new SharedSubjects(['>'], ['cache.*', 'hall.>'])
  for (const local of ['cache.x', 'cache.*', 'hall.x.y', 'hall.>', 'hall.*']) t.true(cache.isLocalGroup(tokens(local)), local)
  for (const shared of ['>', '*.x', 'cache.>', 'cache', 'cache.x.y', 'hall']) t.false(cache.isLocalGroup(tokens(shared)), shared)
  t.false(some.hasGroup({ tokens: tokens('orders.cache'), name: 'g' }, tokens('orders.cache')))
})
