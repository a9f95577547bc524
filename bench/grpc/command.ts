// `npm run bench -- grpc`: calls and streams of the gRPC service beside a bare grpc-js server, in turns.

import { parseArgs } from 'node:util'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { formatVerdicts, type Verdict } from '../goals.ts'
import { summarise, summariseRatios } from '../measure/stats.ts'
import { formatRate, formatTable } from '../measure/table.ts'
import { formatEnvironment } from '../report.ts'
import { UsageError } from '../usage.ts'
import { streamRate, unaryRate, type Rate } from './load.ts'
import { startEcho, startGrpcBroker, type GrpcServer } from './servers.ts'

/** Calls under way. */
const workloads = { 'unary 64': 64, 'unary 1': 1, stream: 0 } as const
type Workload = keyof typeof workloads
/** The broker's rate per CPU second over the echo's. */
const GOALS: Readonly<Partial<Record<Workload, number>>> = { 'unary 64': 0.6, stream: 0.6 }
const SMOKE_MS = 300

type Round = Readonly<Record<GrpcServer['name'], Readonly<Record<Workload, Rate>>>>

/** @throws UsageError */
export async function grpc(args: readonly string[]): Promise<number> {
  const { rounds, windowMs, isSmoke, jsonFile } = parseOptions(args)
  const environment = describeEnvironment(undefined)
  const problems: string[] = []
  const found: Round[] = []
  for (let i = 0; i < rounds; i++) {
    process.stderr.write(`grpc ${i + 1}/${rounds}\n`)
    try {
      const starts = i % 2 === 0 ? [startGrpcBroker, startEcho] : [startEcho, startGrpcBroker]
      const figures = new Map<string, Readonly<Record<Workload, Rate>>>()
      for (const start of starts) {
        const server = await start()
        try {
          figures.set(server.name, await runAll(server, windowMs))
        } finally {
          await server.stop()
        }
      }
      found.push(Object.fromEntries(figures) as Round)
    } catch (error) {
      problems.push(`round ${i + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const complaints = formatProblems(problems)
  const verdicts = found.length === 0 ? [] : judge(found)
  if (isSmoke) console.log(complaints[0] ?? 'grpc: calls were answered and streams brought what was published')
  else console.log([formatEnvironment(environment), ...(found.length === 0 ? ['no round finished'] : [format(found), formatVerdicts(verdicts)]), ...complaints].join('\n\n'))
  await writeFigures(jsonFile, { environment, rounds: found, verdicts, problems })
  return problems.length
}

async function runAll(server: GrpcServer, windowMs: number): Promise<Readonly<Record<Workload, Rate>>> {
  return {
    'unary 64': await unaryRate(server, workloads['unary 64'], windowMs),
    'unary 1': await unaryRate(server, workloads['unary 1'], windowMs),
    stream: await streamRate(server, windowMs, (subject, isOver, got) => server.feed(subject, isOver, got)),
  }
}

function ratiosOf(rounds: readonly Round[], workload: Workload): ReturnType<typeof summariseRatios> {
  return summariseRatios(rounds.map(({ broker }) => broker[workload].cpu), rounds.map(({ echo }) => echo[workload].cpu))
}

function format(rounds: readonly Round[]): string {
  const rows = (Object.keys(workloads) as Workload[]).flatMap(workload => (['broker', 'echo'] as const).map(name => {
    const [cpu, wall] = (['cpu', 'wall'] as const).map(which => summarise(rounds.map(round => round[name][workload][which])))
    const ratio = name === 'echo' ? undefined : ratiosOf(rounds, workload)
    return [workload, name, formatRate(cpu!.median), `${formatRate(cpu!.min)}..${formatRate(cpu!.max)}`, formatRate(wall!.median), ratio === undefined ? '' : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)})`]
  }))
  return formatTable(['workload', 'server', 'per CPU s', 'min..max', 'per s', 'of the echo'], rows)
}

function judge(rounds: readonly Round[]): Verdict[] {
  return (Object.entries(GOALS) as [Workload, number][]).map(([workload, goal]) => {
    const ratio = ratiosOf(rounds, workload)!
    return { what: `${workload}, of a bare echo, per CPU second`, goal: `≥ ${goal}`, figure: ratio.median.toFixed(2), isMet: ratio.median >= goal }
  })
}

function parseOptions(args: readonly string[]): { rounds: number; windowMs: number; isSmoke: boolean; jsonFile: string | undefined } {
  const { runs, seconds, smoke, json } = parsed(args)
  const rounds = Number(runs)
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--runs ${runs}: expected a whole number of 1 and more`)
  const window = Number(seconds)
  if (!(window > 0 && window <= 60)) throw new UsageError(`--seconds ${seconds}: expected a number above 0 and up to 60`)
  return smoke ? { rounds: 1, windowMs: SMOKE_MS, isSmoke: true, jsonFile: json } : { rounds, windowMs: window * 1000, isSmoke: false, jsonFile: json }
}

function parsed(args: readonly string[]): { runs: string; seconds: string; smoke: boolean; json?: string } {
  try {
    return parseArgs({ args: [...args], options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' }, smoke: { type: 'boolean', default: false }, json: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
