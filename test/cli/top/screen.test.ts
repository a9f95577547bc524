import test from 'ava'
import { rowsOf } from '../../../cli/top/rows.ts'
import { formatTop, keysOf } from '../../../cli/top/screen.ts'
import { sortKeys } from '../../../cli/top/rows.ts'
import { channelInfo, connectionInfo, topSample } from '../../support/top-sample.ts'

const sample = topSample({ connections: [connectionInfo({ id: 'conn-1', client: 'sensor' })], channels: [channelInfo({ name: 'events', pending: 1200 })], status: { connections: 1, rssBytes: 2048 }, stats: { accepted: 12_345 } })

test('top screen: a heading, then a line for each row; the column sorted by is marked', t => {
  t.is(
    formatTop(sample, rowsOf(sample, sample), 'p99'),
    [
      'callboard abc, incarnation 1, up 1 m; 1 connections, 12,345 messages, 2 KiB resident',
      'KIND        NAME     IN  OUT  LOST  MAILBOX   OUTBOUND  P99▾  RESTARTS   HEAP',
      'broker      abc     0/s  0/s   0/s        -        0 B     -         -  1 KiB',
      'connection  sensor  0/s  0/s   0/s        -        0 B     -         -      -',
      'channel     events  0/s  0/s   0/s        -  1,200 msg     -         -      -',
    ].join('\n'),
  )
})

test('top screen: what does not fit is counted', t => {
  const lines = formatTop(sample, rowsOf(sample, sample), 'rate', 5).split('\n')
  t.is(lines.length, 5)
  t.is(lines.at(-1), '… 1 more')
})

test('top screen: every way to sort has a key', t => t.deepEqual(new Set(keysOf.values()), new Set(sortKeys)))
