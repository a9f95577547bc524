import test from 'ava'
import { checkBooks, checkNotices } from '../../../bench/isolation/books.ts'
import type { BadReading } from '../../../bench/isolation/job.ts'
import type { BrokerStats } from '../../../broker/ground/api.ts'

const stats: BrokerStats = { accepted: 100, deliveries: 300, written: 270, forwarded: 0, stored: 0, pending: 0, dropped: { overflow: 25, 'actor-gone': 5 }, rejected: 0, duplicates: 0, balanced: true, channels: [] }
const bad: readonly BadReading[] = [
  { reader: 'paused', received: 80, gapNotices: 2, toldLost: 20, returns: 0 },
  { reader: 'slow', received: 95, gapNotices: 1, toldLost: 5, returns: 0 },
  { reader: 'crashing', received: 90, gapNotices: 0, toldLost: 0, returns: 3 },
]

test('books: what adds up and was told is no problem', t => {
  t.deepEqual(checkBooks(stats, 100, bad), [])
  t.deepEqual(checkNotices(bad), [])
})

test('books: each way in which they do not add up is named', t => {
  t.regex(checkBooks(stats, 101, bad)[0]!, /100 messages accepted of 101/)
  t.regex(checkBooks({ ...stats, written: 269 }, 100, bad)[0]!, /300 deliveries, but 269 written, 0 stored, 30 dropped/)
  t.regex(checkBooks({ ...stats, balanced: false }, 100, bad)[0]!, /do not balance/)
  t.regex(checkBooks({ ...stats, dropped: { overflow: 26, 'actor-gone': 4 } }, 100, bad)[0]!, /26 dropped as overflow, readers were told of 25/)
})

test('books: who lost messages without a notice is named, and a crashing reader that stayed away', t => {
  t.deepEqual(checkNotices([{ ...bad[0]!, gapNotices: 0 }]), ['the paused reader got no gap notice: it did not overflow, or was not told'])
  t.deepEqual(checkNotices([{ ...bad[2]!, returns: 0 }]), ['the crashing reader never came back'])
})
