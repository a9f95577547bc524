// `npm run bench -- queue`: our queues beside JetStream, Redis Streams and RabbitMQ; with `--backlog` ours with millions of messages in it.

import { describeEnvironment, type Environment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatEnvironment } from '../report.ts'
import { rotate } from '../rounds.ts'
import { describeDisk, type Disk } from './disk.ts'
import { parseQueueOptions, type QueueBenchOptions } from './options.ts'
import { formatQueues, judgeQueues, type Series } from './report.ts'
import { runOnce } from './round.ts'
import { subjects } from './subjects.ts'

/** @throws UsageError */
export async function queue(args: readonly string[]): Promise<number> {
  const options = parseQueueOptions(args)
  const environment = describeEnvironment(undefined)
  const disk = describeDisk(options.directory)
  const heading = formatHeading(environment, disk, options)
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  if (options.backlog > 0) return (await import('./backlog.ts')).backlog(options, heading, { environment, disk }, say)

  const all = options.subjects.filter(name => subjects[name].version() !== undefined).map((subject): Series => ({ subject, rounds: [] }))
  const problems: string[] = []
  for (let round = 0; round < options.rounds; round++) {
    for (const series of rotate(all, round)) {
      say(`queue ${series.subject} ${round + 1}/${options.rounds}`)
      try {
        const outcome = await runOnce(subjects[series.subject], options)
        series.rounds[round] = outcome
        problems.push(...outcome.problems.map(problem => `${series.subject}: ${problem}`))
      } catch (error) {
        series.rounds[round] = undefined
        problems.push(`${series.subject}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  const missing = options.subjects.filter(name => subjects[name].version() === undefined).map(name => `queue ${name}: not installed`)
  console.log([...(options.isSmoke ? [...all.map(smokeLine), ...missing] : [heading, formatQueues(all)]), ...formatProblems(problems)].join(options.isSmoke ? '\n' : '\n\n'))
  await writeFigures(options.jsonFile, { environment, disk, options, series: all, verdicts: judgeQueues(all), problems })
  return problems.length
}

function formatHeading(environment: Environment, disk: Disk, { subjects: names, directory }: QueueBenchOptions): string {
  const versions = [...new Set(names.map(name => subjects[name].version()).filter(version => version !== undefined && version !== 'Callboard'))]
  const { p50, p99 } = disk.fdatasync
  const lines = [
    formatEnvironment(environment),
    `${directory}: ${disk.fileSystem}, append of 4 KiB + fdatasync ${p50.toFixed(2)} ms (p99 ${p99.toFixed(2)})`,
    ...(versions.length === 0 ? [] : [versions.join(', ')]),
    ...(disk.isDisk ? [] : ['these files are in memory: fsync means nothing here, give --directory']),
  ]
  return lines.join('\n')
}

function smokeLine({ subject, rounds }: Series): string {
  const taken = rounds[0]?.steps.filter(step => step.kind !== 'publish').length ?? 0
  return `queue ${subject}: ${taken === 3 ? 'every message was acknowledged, came once, unchanged, and was settled' : 'failed'}`
}
