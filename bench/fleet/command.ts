// `npm run bench -- fleet`: a broker with 1,000 supervised agents: start, a storm that kills a fifth of them, memory, and requests to them.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect, type Client } from '../../client/index.ts'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { residentBytes } from '../measure/cpu.ts'
import { requests, together, type Slice } from '../registry/steps.ts'
import { formatEnvironment } from '../report.ts'
import { brokerPid, socketPath, spawnBroker } from '../server/broker.ts'
import { endProcess, makeHome, removeHome, untilListening } from '../server/server.ts'
import { UsageError } from '../usage.ts'
import { formatFleet, judgeFleet, type Round } from './report.ts'
import { storm, untilHealthy, type FleetSize } from './steps.ts'

/** Of the fleet, dies at once. */
const SHARE = 0.2
/** Parts of the time in which each way is asked. */
const SLICES = 8
const subjects = { direct: 'bench.direct.single', byName: '$CB.to.service.single' } as const
const READY_MS = 120_000
const root = join(import.meta.dirname, '../..')

interface FleetOptions {
  readonly rounds: number
  readonly seconds: number
  readonly size: FleetSize
  readonly isSmoke: boolean
  readonly jsonFile: string | undefined
}

interface Running {
  readonly client: Client
  readonly pid: number
  readonly spawnedMs: number
  stop(): Promise<void>
}

/** @throws UsageError */
export async function fleet(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  const environment = describeEnvironment(undefined)
  const rounds: Round[] = []
  const problems: string[] = []
  for (let i = 0; i < options.rounds; i++) {
    process.stderr.write(`fleet ${i + 1}/${options.rounds}\n`)
    try {
      rounds.push(await runRound(options, i, problems))
    } catch (error) {
      problems.push(`round ${i + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const complaints = formatProblems(problems)
  if (options.isSmoke) console.log(complaints[0] ?? 'fleet: every agent ran, also after the storm, and every request was answered')
  else console.log([formatEnvironment(environment), rounds.length === 0 ? 'no round finished' : formatFleet(rounds), ...complaints].join('\n\n'))
  await writeFigures(options.jsonFile, { environment, rounds, verdicts: judgeFleet(rounds), problems })
  return problems.length
}

async function runRound({ size, seconds }: FleetOptions, index: number, problems: string[]): Promise<Round> {
  const alone = await start({})
  const aloneBytes = residentBytes(alone.pid)
  await alone.stop()
  const running = await start({ agents: agentsOf(size) })
  const { client, pid, spawnedMs } = running
  try {
    await untilHealthy(client, size)
    const startMs = performance.now() - spawnedMs
    const fleetBytes = residentBytes(pid)
    const { killed, ms: stormMs } = await storm(client, size, SHARE)
    const afterBytes = residentBytes(pid)
    await requests(client, Object.values(subjects), seconds / 4, pid)
    const slices: Record<keyof typeof subjects, Slice[]> = { direct: [], byName: [] }
    const ways = Object.keys(slices) as (keyof typeof subjects)[]
    // In turns, so that whatever drifts on the machine meets both.
    for (let i = 0; i < SLICES; i++) for (const way of (index + i) % 2 === 0 ? ways : ways.toReversed()) slices[way].push(await requests(client, [subjects[way]], seconds / SLICES, pid))
    const { instances } = await client.registry.list({ name: 'single' })
    if (instances.some(({ outstanding, failures }) => outstanding > 0 || failures > 0)) problems.push('a request by the name has failed, or is still open')
    return { agents: size.tiny + size.speaking, killed, startMs, stormMs, aloneBytes, fleetBytes, afterBytes, direct: together(slices.direct), byName: together(slices.byName) }
  } finally {
    await running.stop()
  }
}

// `single` is one instance under a name, as the subject is one's; they are the same program.
function agentsOf({ tiny, speaking }: FleetSize): object[] {
  const program = { command: 'node', args: [join(import.meta.dirname, 'program.ts')], cwd: root }
  const backoff = { initial: '100ms', max: '1s' }
  return [
    { name: 'tiny', command: 'sleep', args: ['1000000'], instances: tiny, backoff },
    { name: 'speaking', ...program, instances: speaking - 1, backoff },
    { name: 'single', ...program, backoff },
  ]
}

async function start(config: object): Promise<Running> {
  const home = await makeHome()
  const file = join(home, 'bench.json')
  await writeFile(file, JSON.stringify(config))
  const spawnedMs = performance.now()
  const server = spawnBroker(home, ['--config', file], { CALLBOARD_GATEWAY_PORT: '0', CALLBOARD_NATS_PORT: '0' })
  const stop = async (): Promise<void> => {
    await endProcess(server.child)
    await removeHome(home)
  }
  try {
    // It listens when all of its agents have been started.
    await untilListening(server, { path: socketPath(home) }, READY_MS)
    const client = await connect({ home, program: 'bench', agent: false, connectTimeoutMs: 60_000 })
    const end = async (): Promise<void> => {
      client.destroy()
      await stop()
    }
    return { client, pid: await brokerPid(home, server.child.pid!), spawnedMs, stop: end }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A smoke run looks at nobody's speed. */
const smoke = { rounds: 1, seconds: 0.3, size: { tiny: 20, speaking: 2 } } as const

function parseOptions(args: readonly string[]): FleetOptions {
  const values = parsed(args)
  const number = (name: 'runs' | 'seconds' | 'agents' | 'speaking', min: number, max: number): number => {
    const value = Number(values[name])
    if (!(value >= min && value <= max)) throw new UsageError(`--${name} ${values[name]}: expected a number of ${min}..${max}`)
    return value
  }
  const speaking = Math.round(number('speaking', 2, 100))
  const size = { tiny: Math.round(number('agents', 2, 1000)) - speaking, speaking }
  if (size.tiny < 1) throw new UsageError(`--agents ${values.agents}: expected more than --speaking ${values.speaking}`)
  const options = { rounds: Math.round(number('runs', 1, 100)), seconds: number('seconds', 0.1, 600), size }
  return { ...options, ...(values.smoke ? smoke : {}), isSmoke: values.smoke, jsonFile: values.json }
}

function parsed(args: readonly string[]): { runs: string; seconds: string; agents: string; speaking: string; smoke: boolean; json?: string } {
  const text = (value: string): { readonly type: 'string'; readonly default: string } => ({ type: 'string', default: value })
  try {
    return parseArgs({ args: [...args], options: { runs: text('3'), seconds: text('4'), agents: text('1000'), speaking: text('10'), smoke: { type: 'boolean', default: false }, json: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
