// `npm run bench -- sandbox`: what an agent that takes all processors costs its neighbour, free and confined.

import { realpathSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect, type Client } from '../../client/index.ts'
import { describeEnvironment } from '../environment.ts'
import { formatProblems, writeFigures } from '../findings.ts'
import { summarise } from '../measure/stats.ts'
import { formatTable } from '../measure/table.ts'
import { formatEnvironment } from '../report.ts'
import { socketPath, spawnBroker } from '../server/broker.ts'
import { endProcess, makeHome, removeHome, untilListening } from '../server/server.ts'
import { UsageError } from '../usage.ts'

const RATE = 200
/** Not counted: the attack comes up, everything compiles. */
const WARM_MS = 2000
const root = join(import.meta.dirname, '../..')

/** One processor of what there is, behind the others; root's processes nobody counts, so weaker is allowed. */
const confinement = { level: 'restricted', cpu: 1, memory: '256mb', processes: 100, allowWeaker: true, files: { read: [root, realpathSync(join(root, 'node_modules'))] } }
const runs = { 'nobody attacks': undefined, 'attacker free': { level: 'none' }, 'attacker confined': confinement } as const
type Run = keyof typeof runs

interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
}

/** @throws UsageError */
export async function sandbox(args: readonly string[]): Promise<number> {
  const { rounds, seconds, json } = parse(args)
  const environment = describeEnvironment(undefined)
  const found: Record<Run, Latency[]> = { 'nobody attacks': [], 'attacker free': [], 'attacker confined': [] }
  const names = Object.keys(runs) as Run[]
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`sandbox ${round + 1}/${rounds}\n`)
    // Each round begins with another, so that whatever drifts on the machine meets all.
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]!
      found[name].push(await measure(name, seconds * 1000))
    }
  }
  const problems = names.flatMap(name => found[name].filter(({ failed }) => failed > 0).map(({ failed }) => `${name}: ${failed} requests failed`))
  const row = (name: Run): string[] => [name, ...(['p50Ms', 'p99Ms'] as const).flatMap(key => {
    const { median, min, max } = summarise(found[name].map(latency => latency[key]))
    return [median.toFixed(2), `${min.toFixed(2)}..${max.toFixed(2)}`]
  })]
  console.log([formatEnvironment(environment), `requests to a neighbour, ${RATE}/s, from when each was due`, formatTable(['', 'p50 ms', 'spread', 'p99 ms', 'spread'], names.map(row)), ...formatProblems(problems)].join('\n\n'))
  await writeFigures(json, { environment, found, problems })
  return problems.length
}

function parse(args: readonly string[]): { readonly rounds: number; readonly seconds: number; readonly json: string | undefined } {
  try {
    const { values } = parseArgs({ args: [...args], options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '5' }, json: { type: 'string' } } })
    const [rounds, seconds] = [Number(values.runs), Number(values.seconds)]
    if (!Number.isInteger(rounds) || rounds < 1 || !(seconds > 0)) throw new Error('--runs takes a whole number from 1, --seconds a number above 0')
    return { rounds, seconds, json: values.json }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function measure(name: Run, windowMs: number): Promise<Latency> {
  const home = await makeHome()
  const agent = (script: string): object => ({ name: script, command: 'node', args: [join(import.meta.dirname, `${script}.ts`)], cwd: root })
  const agents = [agent('neighbour'), ...(runs[name] === undefined ? [] : [{ ...agent('attacker'), sandbox: runs[name] }])]
  const config = join(home, 'bench.json')
  await writeFile(config, JSON.stringify({ agents }))
  const server = spawnBroker(home, ['--config', config], { CALLBOARD_GATEWAY_PORT: '0', CALLBOARD_NATS_PORT: '0' })
  try {
    await untilListening(server, { path: socketPath(home) })
    const client = await connect({ home, program: 'bench', agent: false, connectTimeoutMs: 30_000 })
    await untilAnswered(client)
    await ask(client, WARM_MS)
    const latency = await ask(client, windowMs)
    client.destroy()
    return latency
  } finally {
    await endProcess(server.child)
    await removeHome(home)
  }
}

async function untilAnswered(client: Client): Promise<void> {
  for (;;) {
    try {
      await client.request('bench.neighbour', 'ready')
      return
    } catch {
      await sleep(50)
    }
  }
}

// Each request counts from when it was due: one that waits behind a slow one is slow.
async function ask(client: Client, windowMs: number): Promise<Latency> {
  const startMs = performance.now()
  const latencies: number[] = []
  let failed = 0
  const asked: Promise<void>[] = []
  for (let i = 0; i < windowMs * RATE / 1000; i++) {
    const dueMs = startMs + i * 1000 / RATE
    const leftMs = dueMs - performance.now()
    if (leftMs > 0) await sleep(leftMs)
    asked.push(client.request('bench.neighbour', i, { timeoutMs: 30_000 }).then(() => void latencies.push(performance.now() - dueMs), () => void failed++))
  }
  await Promise.all(asked)
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), failed }
}
