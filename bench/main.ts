// The bench: measures the broker beside the bare relay and nats-server. `npm run bench -- --smoke` checks instead of measuring.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describeEnvironment } from './environment.ts'
import { parseOptions, usage, type BenchOptions } from './options.ts'
import { formatReport, summariseSeries, type Report } from './report.ts'
import { runAll } from './rounds.ts'
import { natsVersion } from './server/nats.ts'

const nats = natsVersion()
const options = readOptions()
const report: Report = { environment: describeEnvironment(options.servers.includes('nats') ? nats : undefined), messages: [], idle: [], start: undefined, problems: [] }

await runAll(options, report, text => process.stderr.write(`${text}\n`))

if (options.isSmoke) console.log(smokeSummary())
else console.log(formatReport(report))
if (options.jsonFile !== undefined) {
  await mkdir(dirname(options.jsonFile), { recursive: true })
  const summaries = report.messages.map(series => summariseSeries(series, report.messages)).filter(summary => summary !== undefined)
  await writeFile(options.jsonFile, `${JSON.stringify({ ...report, summaries }, undefined, 2)}\n`)
}
process.exitCode = report.problems.length === 0 ? 0 : 1

function readOptions(): BenchOptions {
  try {
    return parseOptions(process.argv.slice(2), nats !== undefined)
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}

function smokeSummary(): string {
  const checked = report.messages.map(series => `${series.workload} ${series.server}: ${series.rounds[0]?.deliveries ?? 0} deliveries`)
  const verdict = report.problems.length === 0 ? 'every message arrived once, in order, unchanged' : ['problems:', ...report.problems].join('\n  ')
  return [...checked, verdict].join('\n')
}
