import test from 'ava'
import { Account } from '../../../broker/ground/slice.ts'
import { LossLog } from '../../../broker/observe/loss-log.ts'
import { recordedLog } from '../../support/recorded-log.ts'

test('loss log: a loss is said at once, then at most every ten seconds, and none is left out', t => {
  const log = recordedLog()
  const losses = new LossLog(log)
  const account = new Account()
  const said = (): unknown[] => log.records.map(({ fields }) => [fields['reason'], fields['count'], fields['total']])
  losses.look(0, 'events', account)
  t.deepEqual(said(), [])
  account.dropped['slow-consumer'] = 3
  losses.look(1000, 'events', account)
  t.like(log.records[0], { level: 'warn', text: 'messages dropped', fields: { channel: 'events', reason: 'slow-consumer', count: 3, total: 3 } })
  account.dropped['slow-consumer'] = 5
  losses.look(10_999, 'events', account)
  t.is(said().length, 1, 'not again within ten seconds')
  account.dropped['actor-gone'] = 1
  losses.look(10_999, 'events', account)
  losses.look(11_000, 'events', account)
  losses.look(60_000, 'events', account)
  t.deepEqual(said(), [['slow-consumer', 3, 3], ['actor-gone', 1, 1], ['slow-consumer', 2, 5]])
})

test('loss log: channels are told apart, and that nobody listens is no loss', t => {
  const log = recordedLog()
  const losses = new LossLog(log)
  const [one, two] = [new Account(), new Account()]
  one.dropped['no-interest'] = 9
  two.dropped['actor-gone'] = 1
  losses.look(0, 'one', one)
  losses.look(0, undefined, two)
  t.deepEqual(log.records.map(({ fields }) => fields), [{ channel: 'none', reason: 'actor-gone', count: 1, total: 1 }])
})
