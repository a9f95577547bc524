import test from 'ava'
import { formatIsolation, judgeIsolation, type Round } from '../../../bench/isolation/report.ts'
import type { Run } from '../../../bench/isolation/round.ts'

const MIB = 1024 * 1024
const run = (p50: number, p99: number, peakMib: number): Run => ({
  latency: { count: 1000, p50, p99, max: p99 * 2 },
  lateness: { count: 10, p50: 0.1, p99: 0.2, max: 0.3 },
  heldMs: 0,
  bad: [{ reader: 'paused', received: 8, gapNotices: 1, toldLost: 2, returns: 0 }],
  before: 80 * MIB,
  peak: peakMib * MIB,
  brokerBusy: 0.4,
  readersBusy: 0.3,
  problems: [],
})
const round = (p50: number, p99: number, peakMib: number): Round => ({ clean: run(1, 2, 100), bad: run(p50, p99, peakMib) })
const met = (rounds: readonly Round[]): boolean[] => judgeIsolation(rounds, 40 * MIB).map(verdict => verdict.isMet)

test('isolation: each goal is met at its limit and missed behind it', t => {
  t.deepEqual(met([round(1.2, 4, 140)]), [true, true, true])
  t.deepEqual(met([round(1.21, 4.01, 141)]), [false, false, false])
})

test('isolation: of a larger p99 the factor is what is allowed, not the two milliseconds', t => {
  t.deepEqual(met([{ clean: run(1, 10, 100), bad: run(1, 15, 100) }])[1], true)
  t.deepEqual(met([{ clean: run(1, 10, 100), bad: run(1, 15.1, 100) }])[1], false)
})

test('isolation: the median of the rounds decides, not their mean', t => {
  t.deepEqual(met([round(1, 2, 100), round(1.1, 3, 110), round(9, 90, 900)]), [true, true, true])
  t.deepEqual(met([round(1, 2, 100), round(9, 90, 900), round(9, 90, 900)]), [false, false, false])
})

test('isolation: the table has both runs with their spread and what the bad readers got', t => {
  const text = formatIsolation([round(1.1, 3, 110), round(1.2, 4, 120), round(1.3, 5, 130)], 40 * MIB)
  t.regex(text, /three +1\.20 \(1\.10–1\.30\) +4\.00 \(3\.00–5\.00\)/)
  t.regex(text, /none +1\.00 \(1\.00–1\.00\)/)
  t.regex(text, /paused +8 +2 +1 +0/)
  t.regex(text, /memory for bad readers +met +≤ 40 MiB +20 \(10–30\) MiB/)
})
