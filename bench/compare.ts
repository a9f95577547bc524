// Measures the broker beside the bare relay and nats-server, workload by workload.

import { describeEnvironment } from './environment.ts'
import { parseOptions } from './options.ts'
import { formatProblems, writeFigures } from './findings.ts'
import { formatReport, summariseSeries, type Report } from './report.ts'
import { runAll } from './rounds.ts'
import { natsVersion } from './server/nats.ts'

/**
 * Runs what the arguments name and prints it; the number of problems is the answer.
 * @throws UsageError
 */
export async function compare(args: readonly string[]): Promise<number> {
  const nats = natsVersion()
  const options = parseOptions(args, nats !== undefined)
  const report: Report = { way: options.way, environment: describeEnvironment(options.servers.includes('nats') ? nats : undefined), messages: [], idle: [], start: undefined, problems: [] }
  await runAll(options, report, text => process.stderr.write(`${text}\n`))
  console.log(options.isSmoke ? smokeSummary(report) : formatReport(report))
  const summaries = report.messages.map(series => summariseSeries(series, report.messages)).filter(summary => summary !== undefined)
  await writeFigures(options.jsonFile, { ...report, summaries })
  return report.problems.length
}

function smokeSummary(report: Report): string {
  const checked = report.messages.map(series => `${series.workload} ${series.server}: ${series.rounds[0]?.deliveries ?? 0} deliveries`)
  const [verdict = 'every message arrived once, in order, unchanged'] = formatProblems(report.problems)
  return [...checked, verdict].join('\n')
}
