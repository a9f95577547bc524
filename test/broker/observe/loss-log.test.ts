import test from 'ava'
import { noDrops } from '../../../broker/ground/fate.ts'
import { LossLog } from '../../../broker/observe/loss-log.ts'
import { recordedLog, type RecordedLog } from '../../support/recorded-log.ts'

const said = (log: RecordedLog): unknown[] => log.records.map(({ fields }) => [fields['connection'], fields['reason'], fields['count'], fields['total']])

test('loss log: a loss is said at once, then at most every ten seconds, and none is left out', t => {
  const log = recordedLog()
  const losses = new LossLog(log)
  const dropped = noDrops()
  const receiver = { id: 'conn-1', client: 'sensor', outbound: { dropped } }
  losses.look(0, receiver)
  t.deepEqual(said(log), [])
  dropped.overflow = 3
  losses.look(1000, receiver)
  t.like(log.records[0], { level: 'warn', text: 'messages dropped', fields: { connection: 'conn-1', client: 'sensor', reason: 'overflow', count: 3, total: 3 } })
  dropped.overflow = 5
  losses.look(10_999, receiver)
  t.is(said(log).length, 1, 'not again within ten seconds')
  dropped.expired = 1
  losses.look(10_999, receiver)
  losses.look(11_000, receiver)
  losses.look(60_000, receiver)
  t.deepEqual(said(log), [['conn-1', 'overflow', 3, 3], ['conn-1', 'expired', 1, 1], ['conn-1', 'overflow', 2, 5]])
})

test('loss log: who leaves is told of at once, and what it left behind is no warning', t => {
  const log = recordedLog()
  const losses = new LossLog(log)
  const dropped = noDrops()
  const receiver = { id: 'conn-1', client: 'sensor', outbound: { dropped } }
  dropped.overflow = 1
  losses.look(0, receiver)
  dropped.overflow = 2
  dropped['actor-gone'] = 7
  losses.look(1, receiver, true)
  t.deepEqual(said(log), [['conn-1', 'overflow', 1, 1], ['conn-1', 'overflow', 1, 2], ['conn-1', 'actor-gone', 7, 7]])
  t.deepEqual(log.records.map(({ level }) => level), ['warn', 'warn', 'info'])
})

test('loss log: receivers are told apart, and one that lost nothing costs nothing', t => {
  const log = recordedLog()
  const losses = new LossLog(log)
  const dropped = { ...noDrops(), expired: 1 }
  losses.look(0, { id: 'conn-1', client: 'a', outbound: { dropped: undefined } })
  losses.look(0, { id: 'conn-2', client: 'b', outbound: { dropped } })
  losses.look(0, { id: 'conn-3', client: 'c', outbound: { dropped } })
  t.deepEqual(said(log), [['conn-2', 'expired', 1, 1], ['conn-3', 'expired', 1, 1]])
})
