import test from 'ava'
import { Accounts } from '../../../broker/observe/accounts.ts'

test('accounts: a channel that is gone is counted on, until its last delivery has a fate', t => {
  const accounts = new Accounts()
  const account = accounts.open('a')
  account.accepted = account.deliveries = 3
  account.written = 2
  account.pending = 1
  accounts.retire('a')
  t.true(account.isRetired)
  t.is(accounts.channel('a'), undefined)
  t.like(accounts.totals(), { accepted: 3, deliveries: 3, written: 2, pending: 1, balanced: true })
  account.pending = 0
  account.dropped['actor-gone'] = 1
  const totals = accounts.totals()
  t.like(totals, { deliveries: 3, written: 2, pending: 0, balanced: true })
  t.is(totals.dropped['actor-gone'], 1)
  t.deepEqual(accounts.totals(), totals, 'it is counted once')
})

test('accounts: a channel of the same name begins anew', t => {
  const accounts = new Accounts()
  accounts.open('a').rejected = 2
  accounts.retire('a')
  accounts.retire('a')
  accounts.open('a').rejected = 1
  t.is(accounts.channel('a')!.rejected, 1)
  t.is(accounts.totals().rejected, 3)
})

test('accounts: an imbalance shows', t => {
  const accounts = new Accounts()
  accounts.outside.deliveries = 1
  t.is(accounts.outside.imbalance, 1)
  t.false(accounts.totals().balanced)
})
