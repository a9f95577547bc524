// Measures one piece of work both ways: what it takes of the main thread, and how long its result takes.

import { performance } from 'node:perf_hooks'
import type { CpuPool } from '../../broker/pool/cpu-pool.ts'
import { summarise } from '../measure/stats.ts'
import type { Work } from './tasks.ts'

/** Per task, in µs. */
export interface Cost {
  /** CPU time of the main thread. */
  readonly mainMicros: number
  /** From handing it over to having its result, one task at a time. */
  readonly delayMicros: number
}

export interface Costs {
  readonly here: Cost
  readonly pooled: Cost
}

/** Medians of `rounds` rounds of about `roundMs` each, the two ways in turn. */
export async function measureWork(work: Work, pool: CpuPool, rounds: number, roundMs: number): Promise<Costs> {
  const here: Cost[] = []
  const pooled: Cost[] = []
  // Once for what is loaded and compiled with the first task.
  work.here()
  await work.pooled(pool)
  for (let round = 0; round < rounds; round++) {
    here.push(await measureRound(work.count, roundMs, () => work.here()))
    pooled.push(await measureRound(work.count, roundMs, () => work.pooled(pool)))
  }
  return { here: median(here), pooled: median(pooled) }
}

async function measureRound(tasksPerCall: number, roundMs: number, call: () => unknown): Promise<Cost> {
  const delays: number[] = []
  const before = threadMicros()
  const endMs = performance.now() + roundMs
  do {
    const startMs = performance.now()
    const result = call()
    if (result instanceof Promise) await result
    delays.push((performance.now() - startMs) * 1000)
  } while (performance.now() < endMs)
  return { mainMicros: (threadMicros() - before) / (delays.length * tasksPerCall), delayMicros: summarise(delays).median }
}

function threadMicros(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

function median(costs: readonly Cost[]): Cost {
  return { mainMicros: summarise(costs.map(({ mainMicros }) => mainMicros)).median, delayMicros: summarise(costs.map(({ delayMicros }) => delayMicros)).median }
}
