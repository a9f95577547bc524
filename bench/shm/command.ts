// `npm run bench -- shm`: large payloads through the broker in frames, and as references to memory that the processes share.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { summarise, summariseRatios } from '../measure/stats.ts'
import { formatTable } from '../measure/table.ts'
import { formatEnvironment } from '../report.ts'
import { brokerPid, socketPath, spawnBroker } from '../server/broker.ts'
import { endProcess, makeHome, removeHome, untilListening } from '../server/server.ts'
import { UsageError } from '../usage.ts'
import type { Order, Outcome } from './party.ts'
import { ways, type Way } from './payload-ways.ts'

const MIB = 1024 * 1024
const SIZES = { '64 KiB': 64 * 1024, '256 KiB': 256 * 1024, '1 MiB': MIB, '16 MiB': 16 * MIB, '64 MiB': 64 * MIB } as const
type Size = keyof typeof SIZES
const RECEIVERS = [1, 3] as const
const SMOKE_MS = 20

type Round = Record<string, Outcome>

/** @throws UsageError */
export async function shm(args: readonly string[]): Promise<number> {
  const { rounds, windowMs, isSmoke, json } = parse(args)
  const environment = describeEnvironment(undefined)
  const problems: string[] = []
  const found: Round[] = []
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`shm ${round + 1}/${rounds}\n`)
    try {
      const outcomes: Round = {}
      // Each round begins with another, so that whatever drifts on the machine meets all.
      for (const receivers of RECEIVERS) Object.assign(outcomes, await measure(receivers, windowMs, ways.map((_, i) => ways[(round + i) % ways.length]!)))
      found.push(outcomes)
    } catch (error) {
      problems.push(`round ${round + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const complaints = formatProblems(problems)
  if (isSmoke) console.log(complaints[0] ?? 'shm: every payload came whole, each way')
  else console.log([formatEnvironment(environment), ...(found.length === 0 ? ['no round finished'] : [format(found)]), ...complaints].join('\n\n'))
  await writeFigures(json, { environment, rounds: found, problems })
  return problems.length
}

const key = (size: Size, receivers: number, way: Way): string => `${size}, ${receivers} receiver${receivers === 1 ? '' : 's'}, ${way}`

async function measure(receivers: number, windowMs: number, order: readonly Way[]): Promise<Round> {
  const [home, directory] = [await makeHome(), await mkdtemp('/dev/shm/cb-bench-')]
  const config = join(home, 'bench.json')
  await writeFile(config, JSON.stringify({ ipc: { performance: { maxMessageSize: '15mb' }, limits: { maxPendingBytes: '1gb' } }, sharedMemory: { threshold: '64kb' } }))
  const server = spawnBroker(home, ['--config', config], { CALLBOARD_GATEWAY_PORT: '0', CALLBOARD_NATS_PORT: '0' })
  const parties: ChildProcess[] = []
  const start = async (role: string): Promise<ChildProcess> => {
    const party = fork(join(import.meta.dirname, 'party.ts'), [role, home, directory])
    parties.push(party)
    await answer(party)
    return party
  }
  try {
    await untilListening(server, { path: socketPath(home) })
    for (let i = 0; i < receivers; i++) await start('receiver')
    const sender = await start('sender')
    const pids = [await brokerPid(home, server.child.pid!), ...parties.map(({ pid }) => pid!)]
    const outcomes: Round = {}
    for (const size of Object.keys(SIZES) as Size[]) {
      for (const way of order) {
        sender.send({ way, bytes: SIZES[size], receivers, windowMs, pids } satisfies Order)
        outcomes[key(size, receivers, way)] = (await answer(sender)) as Outcome
      }
    }
    return outcomes
  } finally {
    await Promise.all(parties.map(party => endProcess(party)))
    await endProcess(server.child)
    await removeHome(home)
    await rm(directory, { recursive: true, force: true })
  }
}

async function answer(party: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const ended = once(party, 'exit', { signal: over.signal }).then(([code, signal]) => Promise.reject(new Error(`a party ended: ${signal ?? code}`)))
  try {
    const [message] = (await Promise.race([once(party, 'message', { signal: over.signal }), ended])) as unknown[]
    return message
  } finally {
    over.abort()
    ended.catch(() => {})
  }
}

function format(rounds: readonly Round[]): string {
  const rows = (Object.keys(SIZES) as Size[]).flatMap(size => RECEIVERS.flatMap(receivers => ways.map(way => {
    const of = (which: 'p50Ms' | 'cpuMs', way: Way): number[] => rounds.map(round => round[key(size, receivers, way)]![which])
    const latency = summarise(of('p50Ms', way))
    const cpu = summarise(of('cpuMs', way))
    const gain = (which: 'p50Ms' | 'cpuMs'): string => (way === 'frames' ? '' : summariseRatios(of(which, 'frames'), of(which, way))?.median.toFixed(2) ?? '')
    const spread = ({ min, max }: { min: number; max: number }): string => `${min.toFixed(2)}..${max.toFixed(2)}`
    return [`${size} to ${receivers}`, way, latency.median.toFixed(2), spread(latency), gain('p50Ms'), cpu.median.toFixed(2), spread(cpu), gain('cpuMs'), (SIZES[size] / MIB / (cpu.median / 1000)).toFixed(0)]
  })))
  return formatTable(['payload', 'way', 'p50 ms', 'spread', 'faster', 'CPU ms', 'spread', 'cheaper', 'MiB per CPU s'], rows)
}

function parse(args: readonly string[]): { readonly rounds: number; readonly windowMs: number; readonly isSmoke: boolean; readonly json: string | undefined } {
  try {
    const { values } = parseArgs({ args: [...args], options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '1' }, smoke: { type: 'boolean', default: false }, json: { type: 'string' } } })
    const [rounds, seconds] = [Number(values.runs), Number(values.seconds)]
    if (!Number.isInteger(rounds) || rounds < 1 || !(seconds > 0)) throw new Error('--runs takes a whole number from 1, --seconds a number above 0')
    return values.smoke ? { rounds: 1, windowMs: SMOKE_MS, isSmoke: true, json: values.json } : { rounds, windowMs: seconds * 1000, isSmoke: false, json: values.json }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
