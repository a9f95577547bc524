// The load process: does one job that the bench sends it over the process channel, and answers with its outcome.

import { callboardDialect } from './callboard-dialect.ts'
import type { Dialect } from './dialect.ts'
import { openExchange } from './exchange-traffic.ts'
import { openFlows } from './flow-traffic.ts'
import type { Job, Outcome, Target } from './job.ts'
import { Line } from './line.ts'
import { natsDialect } from './nats-dialect.ts'
import type { Traffic } from './traffic.ts'
import { check, measure } from './window.ts'

/** Idle connections are opened so many at a time: more would overrun the server's accept queue. */
const OPEN_AT_ONCE = 64

const dialects: Readonly<Record<Target['dialect'], Dialect>> = { callboard: callboardDialect, nats: natsDialect }

async function openLine(target: Target): Promise<Line> {
  const line = await Line.open(target.address)
  await dialects[target.dialect].authenticate(line, target.credential)
  return line
}

async function openTraffic(job: Exclude<Job, { kind: 'idle' }>): Promise<Traffic> {
  const { target, workload } = job
  const dialect = dialects[target.dialect]
  if (target.bystanderPatterns.length > 0) await dialect.subscribe(await openLine(target), target.bystanderPatterns)
  const isChecked = job.kind === 'check'
  const open = (): Promise<Line> => openLine(target)
  return workload.kind === 'flow' ? openFlows(workload, dialect, open, isChecked) : openExchange(workload, dialect, open, isChecked)
}

async function run(job: Exclude<Job, { kind: 'idle' }>): Promise<Outcome> {
  const traffic = await openTraffic(job)
  if (job.kind === 'measure') return measure(traffic, job.target.pid, job.warmMs, job.windowMs)
  const senders = job.workload.kind === 'flow' ? job.workload.publishers : 1
  return check(traffic, Math.ceil(job.workload.smokeMessages / senders))
}

async function openIdle(target: Target, connections: number): Promise<Outcome> {
  for (let opened = 0; opened < connections; opened += OPEN_AT_ONCE) {
    const lines = await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, connections - opened) }, () => openLine(target)))
    for (const line of lines) {
      line.onLost = problem => process.send?.(withoutFigures([`idle connection: ${problem}`]))
    }
  }
  return withoutFigures([])
}

function withoutFigures(problems: readonly string[]): Outcome {
  return { deliveries: 0, wallSeconds: 0, serverCpuSeconds: 0, loadCpuSeconds: 0, fromMicros: 0, toMicros: 0, problems }
}

async function answer(job: Job): Promise<void> {
  try {
    process.send?.(job.kind === 'idle' ? await openIdle(job.target, job.connections) : await run(job))
  } catch (error) {
    process.send?.(withoutFigures([String(error)]))
  }
}

process.once('message', (job: Job) => void answer(job))
process.once('disconnect', () => process.exit(0))
