// `npm run bench -- recorder`: what the flight recorder costs, of workloads A and C1.

import { parseArgs } from 'node:util'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatEnvironment } from '../report.ts'
import { UsageError } from '../usage.ts'
import { selectWorkloads, type MessageWorkload } from '../workloads.ts'
import { formatRecorder, judgeRecorder, type RecorderCost } from './report.ts'
import { profiledShare, rateOf } from './runs.ts'

const PROFILES = 3

/** @throws UsageError */
export async function recorder(args: readonly string[]): Promise<number> {
  const { workloads, pairs, windowMs, jsonFile } = parseOptions(args)
  const environment = describeEnvironment(undefined)
  const problems: string[] = []
  const costs: RecorderCost[] = []
  for (const workload of workloads) {
    const profiled: number[] = []
    const paired: number[] = []
    costs.push({ workload: workload.name, profiled, paired })
    for (let i = 0; i < Math.min(PROFILES, pairs); i++) {
      process.stderr.write(`${workload.name} profile ${i + 1}\n`)
      await attempt(workload, problems, async () => profiled.push((await profiledShare(workload, windowMs)).share))
    }
    for (let i = 0; i < pairs; i++) {
      process.stderr.write(`${workload.name} pair ${i + 1}/${pairs}\n`)
      await attempt(workload, problems, async () => paired.push(await pairCost(workload, windowMs, i)))
    }
  }
  const parts = [formatEnvironment(environment), formatRecorder(costs)]
  console.log([...parts, ...formatProblems(problems)].join('\n\n'))
  await writeFigures(jsonFile, { environment, costs, verdicts: judgeRecorder(costs), problems })
  return problems.length
}

// Each pair begins with the other of the two, so that whatever drifts on the machine meets both.
async function pairCost(workload: MessageWorkload, windowMs: number, index: number): Promise<number> {
  const isFirstRecording = index % 2 === 0
  const first = await rateOf(workload, windowMs, isFirstRecording)
  const second = await rateOf(workload, windowMs, !isFirstRecording)
  return 1 - (isFirstRecording ? first / second : second / first)
}

async function attempt(workload: MessageWorkload, problems: string[], run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    problems.push(`${workload.name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function parseOptions(args: readonly string[]): { workloads: readonly MessageWorkload[]; pairs: number; windowMs: number; jsonFile: string | undefined } {
  const { values, positionals } = parsed(args)
  const workloads = selectWorkloads(positionals.length === 0 ? ['A', 'C1'] : positionals)
  const pairs = Number(values.runs)
  const seconds = Number(values.seconds)
  if (!Number.isInteger(pairs) || pairs < 1) throw new UsageError(`--runs ${values.runs}: expected a whole number of 1 and more`)
  if (!(seconds > 0 && seconds <= 600)) throw new UsageError(`--seconds ${values.seconds}: expected a number above 0 and up to 600`)
  return { workloads: workloads.map(toMessageWorkload), pairs, windowMs: seconds * 1000, jsonFile: values.json }
}

function toMessageWorkload(workload: ReturnType<typeof selectWorkloads>[number]): MessageWorkload {
  if (workload.kind === 'idle' || workload.kind === 'start') throw new UsageError(`${workload.name} sends no messages: the recorder has nothing to do there`)
  return workload
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { runs: { type: 'string', default: '15' }, seconds: { type: 'string', default: '2' }, json: { type: 'string' } } })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
