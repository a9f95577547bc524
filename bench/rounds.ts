// Runs workloads on servers, round after round, each run on a fresh server. Knows no protocol.

import type { Outcome } from './load/job.ts'
import { runLoad } from './load/process.ts'
import { measureIdle } from './idle.ts'
import { measureStart } from './start-time.ts'
import type { BenchOptions } from './options.ts'
import type { MessageSeries, Report } from './report.ts'
import { startBroker } from './server/broker.ts'
import { startNats } from './server/nats.ts'
import { startRelay } from './server/relay.ts'
import type { BenchServer, ServerName, Way } from './server/server.ts'
import type { IdleWorkload, MessageWorkload } from './workloads.ts'

/** Not counted: the server compiles its hot path and the windows fill. */
const WARM_MS = 1000

const starters: Readonly<Record<ServerName, (way: Way) => Promise<BenchServer>>> = { broker: startBroker, relay: startRelay, nats: startNats }

/** Runs everything asked for and adds it to `report`. A run that fails is a problem in the report; the others go on. */
export async function runAll(options: BenchOptions, report: Report, say: (text: string) => void): Promise<void> {
  for (const workload of options.workloads) {
    if (workload.kind === 'idle') await runIdle(workload, options, report, say)
    else if (workload.kind !== 'start') await runMessages(workload, options, report, say)
    else if (options.servers.includes('broker')) {
      say(workload.name)
      await attempt('start', report, async () => void (report.start = await measureStart(options.isSmoke ? 1 : workload.warmStarts)))
    }
  }
}

/** Servers take turns within a round, and each round begins with the next: whatever drifts on the machine meets all of them. */
export function rotate<T>(items: readonly T[], round: number): readonly T[] {
  const from = items.length === 0 ? 0 : round % items.length
  return [...items.slice(from), ...items.slice(0, from)]
}

async function runMessages(workload: MessageWorkload, options: BenchOptions, report: Report, say: (text: string) => void): Promise<void> {
  const series = options.servers.map((server): MessageSeries => ({ workload: workload.name, title: workload.title, server, rounds: [] }))
  report.messages.push(...series)
  const runs = options.isSmoke ? 1 : options.runs
  for (let round = 0; round < runs; round++) {
    for (const one of rotate(series, round)) {
      say(`${workload.name} ${one.server} ${round + 1}/${runs}`)
      one.rounds[round] = await attempt(`${workload.name} ${one.server}`, report, () => runOnce(workload, one.server, options))
      for (const problem of one.rounds[round]?.problems ?? []) report.problems.push(`${workload.name} ${one.server}: ${problem}`)
    }
  }
}

async function runOnce(workload: MessageWorkload, name: ServerName, options: BenchOptions): Promise<Outcome> {
  const server = await starters[name](options.way)
  try {
    const { target } = server
    return await runLoad(options.isSmoke ? { kind: 'check', target, workload } : { kind: 'measure', target, workload, warmMs: WARM_MS, windowMs: options.seconds * 1000 })
  } finally {
    await server.stop()
  }
}

async function runIdle(workload: IdleWorkload, options: BenchOptions, report: Report, say: (text: string) => void): Promise<void> {
  for (const name of options.servers) {
    say(`${workload.name} ${name}`)
    const outcome = await attempt(`${workload.name} ${name}`, report, async () => {
      const server = await starters[name](options.way)
      try {
        return await (options.isSmoke ? measureIdle(server, workload.smokeConnections, 0) : measureIdle(server, workload.connections, workload.idleSeconds * 1000))
      } finally {
        await server.stop()
      }
    })
    if (outcome === undefined) continue
    report.idle.push({ server: name, ...outcome })
    for (const problem of outcome.problems) report.problems.push(`${workload.name} ${name}: ${problem}`)
  }
}

async function attempt<T>(what: string, report: Report, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    report.problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
