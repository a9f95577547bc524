// One run: a fresh broker, a hundred readers of one subject, an open-loop publisher, and the books at the end.

import type { Client } from '../../client/index.ts'
import { cpuSeconds, residentBytes } from '../measure/cpu.ts'
import type { LatencySummary } from '../measure/latencies.ts'
import { SharedClock } from '../measure/shared-clock.ts'
import { connectOwner, startBroker } from '../server/broker.ts'
import type { BenchServer } from '../server/server.ts'
import { checkBooks } from './books.ts'
import { badReaders, type BadOutcome, type BadReading, type Plan, type Published, type ReadOutcome, type Timing } from './job.ts'
import { Worker } from './worker.ts'

export interface RunOptions {
  readonly isBad: boolean
  readonly readers: number
  /** Messages a second. */
  readonly rate: number
  readonly payloadBytes: number
  /** What may wait for a bad reader. bytes, 0 = as the broker's config has it */
  readonly maxPendingBytes: number
  readonly warmMs: number
  readonly windowMs: number
}

export interface Run {
  /** Of the readers that behave. */
  readonly latency: LatencySummary
  /** How late the publisher wrote. */
  readonly lateness: LatencySummary
  /** How long bytes waited in it. ms */
  readonly heldMs: number
  readonly bad: readonly BadReading[]
  /** Resident memory of the broker before the traffic, and the most in it. */
  readonly before: number
  readonly peak: number
  /** CPUs in use from the first burst to the last. */
  readonly brokerBusy: number
  readonly readersBusy: number
  readonly problems: readonly string[]
}

/** Bursts a second: messages of one are due together, as a timer cannot part them. */
const BURSTS_PER_SECOND = 1000
/** Between "all are ready" and the first burst. */
const LEAD_MICROS = 200_000
const MEMORY_EVERY_MS = 50

/** @throws Error when a process ends before it answered */
export async function runOnce(options: RunOptions): Promise<Run> {
  const server = await startBroker('own')
  const workers: Worker[] = []
  const start = (file: string): Worker => {
    const worker = new Worker(file)
    workers.push(worker)
    return worker
  }
  try {
    return await measured(server, options, start)
  } finally {
    await Promise.all(workers.map(worker => worker.release()))
    await server.stop()
  }
}

async function measured(server: BenchServer, options: RunOptions, start: (file: string) => Worker): Promise<Run> {
  const clock = new SharedClock()
  const { target } = server
  const plan: Plan = { target, epoch: clock.epoch, burst: Math.max(1, Math.round(options.rate / BURSTS_PER_SECOND)), everyMicros: 1e6 / Math.min(options.rate, BURSTS_PER_SECOND), payloadBytes: options.payloadBytes, maxPendingBytes: options.maxPendingBytes }
  const [readers, others, publisher] = [start('readers.ts'), start('bad-readers.ts'), start('publisher.ts')]
  readers.tell({ kind: 'read', plan, readers: options.readers - badReaders.length })
  others.tell({ kind: 'read-badly', plan, isBad: options.isBad })
  publisher.tell({ kind: 'publish', plan })
  for (const worker of [readers, others, publisher]) await worker.answer()

  const client = await connectOwner(server)
  try {
    const startMicros = clock.now() + LEAD_MICROS
    const windowMicros = startMicros + options.warmMs * 1000
    const timing: Timing = { startMicros, windowMicros, endMicros: windowMicros + options.windowMs * 1000 }
    const memory = watchMemory(target.pid)
    const cpuBefore = cpuSeconds(target.pid)
    for (const worker of [readers, others, publisher]) worker.tell(timing)
    const { messages, lateness, heldMs } = await publisher.answer<Published>()
    const peak = memory.stop()
    const cpuUsed = cpuSeconds(target.pid) - cpuBefore
    for (const worker of [readers, others]) worker.tell({ published: messages })
    const read = await readers.answer<ReadOutcome>()
    const bad = await others.answer<BadOutcome>()
    const wallSeconds = (options.warmMs + options.windowMs) / 1000
    return {
      latency: read.latency,
      lateness,
      heldMs,
      bad: bad.readers,
      before: memory.before,
      peak,
      brokerBusy: cpuUsed / wallSeconds,
      readersBusy: read.cpuSeconds / wallSeconds,
      problems: [...read.problems, ...bad.problems, ...(await booksOf(client, messages, bad.readers))],
    }
  } finally {
    await client.close()
  }
}

async function booksOf(client: Client, published: number, bad: readonly BadReading[]): Promise<readonly string[]> {
  return checkBooks(await client.call('stats'), published, bad)
}

function watchMemory(pid: number): { readonly before: number; stop(): number } {
  const before = residentBytes(pid)
  let peak = before
  const look = (): void => void (peak = Math.max(peak, residentBytes(pid)))
  const timer = setInterval(look, MEMORY_EVERY_MS)
  return {
    before,
    stop() {
      clearInterval(timer)
      look()
      return peak
    },
  }
}
