// Medians over the rounds of an isolation bench, and their verdict.

import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, type Summary } from '../measure/stats.ts'
import { formatTable } from '../measure/table.ts'
import type { Run } from './round.ts'

/** A run without bad readers and one with them, taken one after the other. */
export interface Round {
  readonly clean: Run
  readonly bad: Run
}

const MIB = 1024 * 1024
/** The others' latency with bad readers among them, against the run without. */
const goals = { p50Times: 1.2, p99Times: 1.5, p99PlusMs: 2 } as const

/** `boundBytes`: what the limits allow the bad readers to hold in the broker. */
export function judgeIsolation(rounds: readonly Round[], boundBytes: number): readonly Verdict[] {
  const p50 = summarise(rounds.map(({ clean, bad }) => bad.latency.p50 / clean.latency.p50))
  // Above 0: later than allowed. Taken within a round, as both runs saw the same machine.
  const p99Excess = summarise(rounds.map(({ clean, bad }) => bad.latency.p99 - allowedP99(clean.latency.p99)))
  const p99 = summarise(rounds.map(({ clean, bad }) => bad.latency.p99 / clean.latency.p99))
  const growth = summarise(rounds.map(({ clean, bad }) => bad.peak - clean.peak))
  return [
    { what: 'p50 of the others', goal: `≤ ${goals.p50Times} times`, figure: times(p50), isMet: p50.median <= goals.p50Times },
    { what: 'p99 of the others', goal: `≤ ${goals.p99Times} times or + ${goals.p99PlusMs} ms`, figure: times(p99), isMet: p99Excess.median <= 0 },
    { what: 'memory for bad readers', goal: `≤ ${mib(boundBytes)} MiB`, figure: `${mib(growth.median)} (${mib(growth.min)}–${mib(growth.max)}) MiB`, isMet: growth.median <= boundBytes },
  ]
}

function allowedP99(clean: number): number {
  return Math.max(clean * goals.p99Times, clean + goals.p99PlusMs)
}

export function formatIsolation(rounds: readonly Round[], boundBytes: number): string {
  const row = (name: string, pick: (round: Round) => Run): string[] => {
    const runs = rounds.map(pick)
    const figure = (of: (run: Run) => number, digits = 2): string => spread(summarise(runs.map(of)), digits)
    return [
      name,
      '',
      figure(run => run.latency.p50),
      figure(run => run.latency.p99),
      figure(run => run.latency.max, 1),
      figure(run => run.lateness.p99),
      figure(run => run.heldMs, 0),
      figure(run => run.brokerBusy),
      figure(run => run.readersBusy),
      figure(run => run.before / MIB, 0),
      figure(run => run.peak / MIB, 0),
    ]
  }
  const table = formatTable(
    ['bad readers', '', 'p50 ms', 'p99 ms', 'max ms', 'publisher late p99', 'held ms', 'broker cpus', 'readers cpus', 'MiB before', 'MiB at most'],
    [row('none', round => round.clean), row('three', round => round.bad)],
  )
  return [table, formatBad(rounds), formatVerdicts(judgeIsolation(rounds, boundBytes))].join('\n\n')
}

function formatBad(rounds: readonly Round[]): string {
  const last = rounds.at(-1)!.bad.bad
  const rows = last.map(({ reader, received, gapNotices, toldLost, returns }) => [reader, '', String(received), String(toldLost), String(gapNotices), String(returns)])
  return formatTable(['in the last round', '', 'got', 'told lost', 'notices', 'came back'], rows)
}

function times(summary: Summary): string {
  return spread(summary, 2)
}

function spread({ median, min, max }: Summary, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0)
}
