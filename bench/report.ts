// What a bench run found: figures per round as data, and the tables that people read.

import type { IdleOutcome } from './idle.ts'
import type { Outcome } from './load/job.ts'
import type { Environment } from './environment.ts'
import { formatProblems } from './findings.ts'
import { formatVerdicts, idleGoals, idleRatioGoals, ratioGoals, type Verdict } from './goals.ts'
import { summarise, summariseRatios, type Summary } from './measure/stats.ts'
import { formatRate, formatTable } from './measure/table.ts'
import type { ServerName, Way } from './server/server.ts'
import type { StartOutcome } from './start-time.ts'

/** One server's figures of one workload, an entry per round; undefined where a round failed. */
export interface MessageSeries {
  readonly workload: string
  readonly title: string
  readonly server: ServerName
  readonly rounds: (Outcome | undefined)[]
}

export interface Report {
  readonly way: Way
  readonly environment: Environment
  readonly messages: MessageSeries[]
  readonly idle: (IdleOutcome & { readonly server: ServerName })[]
  start: StartOutcome | undefined
  /** What went wrong, with workload and server in front; a good run has none. */
  readonly problems: string[]
}

/** Deliveries per second of the server's CPU time; undefined when the window saw none used. */
function perCpuSecond(outcome: Outcome | undefined): number | undefined {
  return outcome !== undefined && outcome.serverCpuSeconds > 0 ? outcome.deliveries / outcome.serverCpuSeconds : undefined
}

/** The series with its summaries, as they go into the JSON file. */
export function summariseSeries(series: MessageSeries, all: readonly MessageSeries[]): MessageSummary | undefined {
  const outcomes = series.rounds.filter(outcome => outcome !== undefined)
  const perCpu = series.rounds.map(perCpuSecond)
  const known = perCpu.filter(figure => figure !== undefined)
  if (known.length === 0) return undefined
  const broker = all.find(other => other.workload === series.workload && other.server === 'broker')
  return {
    workload: series.workload,
    server: series.server,
    perCpuSecond: summarise(known),
    perWallSecond: summarise(outcomes.map(outcome => outcome.deliveries / outcome.wallSeconds)),
    loadBusy: summarise(outcomes.map(outcome => outcome.loadCpuSeconds / outcome.wallSeconds)).median,
    serverBusy: summarise(outcomes.map(outcome => outcome.serverCpuSeconds / outcome.wallSeconds)).median,
    brokerRatio: broker === undefined || broker === series ? undefined : summariseRatios(broker.rounds.map(perCpuSecond), perCpu),
  }
}

export interface MessageSummary {
  readonly workload: string
  readonly server: ServerName
  readonly perCpuSecond: Summary
  readonly perWallSecond: Summary
  /** CPUs in use; the load near 1 and the server below it means that the load was the limit. */
  readonly loadBusy: number
  readonly serverBusy: number
  /** Broker over this server, per CPU second, taken round by round. */
  readonly brokerRatio: Summary | undefined
}

/** The machine, in one line. */
export function formatEnvironment(environment: Environment): string {
  const nats = environment.nats === undefined ? '' : `, ${environment.nats}`
  return `${environment.cpus} × ${environment.cpu}, ${environment.system}, Node ${environment.node}${nats}, load before ${environment.loadBefore.toFixed(2)}`
}

const ways: Readonly<Record<Way, string>> = { own: '', ws: ', over WebSocket', nats: ', the NATS protocol over TCP', 'nats-ws': ', the NATS protocol over WebSocket' }

export function formatReport(report: Report): string {
  const parts = [`${formatEnvironment(report.environment)}${ways[report.way]}`]
  if (report.messages.length > 0) parts.push(messageTable(report.messages))
  if (report.idle.length > 0) parts.push(formatTable(['E', 'server', 'connections', 'KiB each'], report.idle.map(row => ['idle', row.server, String(row.connections), (row.bytesPerConnection / 1024).toFixed(1)])))
  if (report.start !== undefined) parts.push(startLine(report.start))
  const verdicts = judge(report)
  if (verdicts.length > 0) parts.push(formatVerdicts(verdicts))
  return [...parts, ...formatProblems(report.problems)].join('\n\n')
}

/** The goals that this report has figures for. */
export function judge(report: Report): readonly Verdict[] {
  const verdicts: Verdict[] = []
  for (const { way, workload, versus, atLeast } of ratioGoals) {
    const series = report.messages.find(one => one.workload === workload && one.server === versus)
    const ratio = way === report.way && series !== undefined ? summariseSeries(series, report.messages)?.brokerRatio : undefined
    if (ratio !== undefined) verdicts.push({ what: `${workload} over ${versus}`, goal: `≥ ${atLeast}`, figure: ratio.median.toFixed(2), isMet: ratio.median >= atLeast })
  }
  const mostBytes = idleGoals[report.way]
  const idle = report.idle.find(row => row.server === 'broker')
  if (mostBytes !== undefined && idle !== undefined) {
    verdicts.push({ what: 'E idle connection', goal: `≤ ${mostBytes / 1024} KiB`, figure: `${(idle.bytesPerConnection / 1024).toFixed(1)} KiB`, isMet: idle.bytesPerConnection <= mostBytes })
  }
  const atMost = idleRatioGoals[report.way]
  const nats = report.idle.find(row => row.server === 'nats')
  if (atMost !== undefined && idle !== undefined && nats !== undefined) {
    const ratio = idle.bytesPerConnection / nats.bytesPerConnection
    verdicts.push({ what: 'E idle connection over nats', goal: `≤ ${atMost}`, figure: ratio.toFixed(2), isMet: ratio <= atMost })
  }
  return verdicts
}

function messageTable(series: readonly MessageSeries[]): string {
  const rows = series.flatMap(one => {
    const summary = summariseSeries(one, series)
    if (summary === undefined) return [[one.workload, one.server, 'failed', '', '', '', '', '', one.title]]
    const { perCpuSecond: cpu, perWallSecond: wall, brokerRatio: ratio } = summary
    return [[one.workload, one.server, formatRate(cpu.median), spread(cpu, formatRate), formatRate(wall.median), summary.serverBusy.toFixed(2), summary.loadBusy.toFixed(2), ratio === undefined ? '' : `${ratio.median.toFixed(2)} (${spread(ratio, x => x.toFixed(2))})`, one.title]]
  })
  return formatTable(['workload', 'server', 'deliveries/cpu-s', 'spread', 'per wall-s', 'server cpus', 'load cpus', 'broker/it', 'what'], rows)
}

function spread(summary: Summary, format: (figure: number) => string): string {
  return `${format(summary.min)}–${format(summary.max)}`
}

function startLine(start: StartOutcome): string {
  const { median, min, max, runs } = start.warmMs
  return `start: ${median.toFixed(0)} ms warm (median of ${runs}, ${min.toFixed(0)}–${max.toFixed(0)}), ${start.coldMs.toFixed(0)} ms cold`
}
