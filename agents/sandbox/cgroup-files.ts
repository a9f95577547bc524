// The files of control groups: what is written to set a limit, and what tells that it was met. Touches none.
// Kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.

import type { LimitHit } from '../../broker/ground/crash.ts'
import type { SandboxPart, SandboxSettings } from '../../broker/ground/sandbox.ts'
import type { Controller } from './cgroup-mounts.ts'

export interface Setting {
  readonly file: string
  readonly value: string
  /** Not every kernel has it. */
  readonly isOptional?: boolean
}

/** Processor time is given out in such turns; what an agent may use of one it may use at once. */
const PERIOD_US = 100_000
/** The kernel takes no less. */
const LEAST_QUOTA_US = 1000

/** What is asked of a controller; undefined: nothing. */
export function askedOf(controller: Controller, { memoryBytes, processes, cpus }: SandboxSettings): number | undefined {
  return { memory: memoryBytes, pids: processes, cpu: cpus }[controller]
}

/** Which part of a sandbox a controller holds. */
export const partOf: Readonly<Record<Controller, SandboxPart>> = { memory: 'memory', pids: 'processes', cpu: 'cpu' }

/** What holds swap too; kernels that do not count it have none. */
export const swapFile: Readonly<Record<1 | 2, string>> = { 1: 'memory.memsw.limit_in_bytes', 2: 'memory.swap.max' }

/** In this order. */
export function settingsFor(controller: Controller, version: 1 | 2, value: number): Setting[] {
  if (controller === 'pids') return [{ file: 'pids.max', value: String(value) }]
  if (controller === 'cpu') {
    const quota = String(Math.max(LEAST_QUOTA_US, Math.round(value * PERIOD_US)))
    return version === 2 ? [{ file: 'cpu.max', value: `${quota} ${PERIOD_US}` }] : [{ file: 'cpu.cfs_period_us', value: String(PERIOD_US) }, { file: 'cpu.cfs_quota_us', value: quota }]
  }
  // Nothing is swapped out: the limit would be on what is left in memory.
  if (version === 1) {
    return [
      { file: 'memory.limit_in_bytes', value: String(value) },
      { file: swapFile[1], value: String(value), isOptional: true },
      { file: 'memory.swappiness', value: '0', isOptional: true },
    ]
  }
  return [
    { file: 'memory.max', value: String(value) },
    { file: swapFile[2], value: '0', isOptional: true },
    // Half an agent is none: without memory it ends whole.
    { file: 'memory.oom.group', value: '1', isOptional: true },
  ]
}

/** How a limit reads in a report. `isSwapHeld`: the kernel counts what of the memory is swapped out. */
export function limitText(controller: Controller, version: 1 | 2, value: number, isSwapHeld: boolean): string {
  const by = `for all its processes together, by control groups ${version}`
  if (controller === 'memory') return `${Math.floor(value / 2 ** 20)} MiB ${by}${isSwapHeld ? '' : '; swap not counted'}`
  return controller === 'pids' ? `${value} ${by}` : `${value} processors ${by}`
}

/** Where events of a controller are counted; cpu counts none that matter. */
export function eventsFile(controller: Controller, version: 1 | 2): string | undefined {
  if (controller === 'memory') return version === 2 ? 'memory.events' : 'memory.oom_control'
  return controller === 'pids' ? 'pids.events' : undefined
}

/** @param text of `eventsFile`: lines of a name and a number */
export function hitOf(controller: Controller, text: string): LimitHit | undefined {
  const name = controller === 'memory' ? 'oom_kill' : 'max'
  const count = Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  if (count === 0) return undefined
  const [file, what] = controller === 'memory' ? ['memory' as const, 'processes killed'] : ['processes' as const, 'new processes refused']
  return { limit: file, evidence: `control group: ${count} ${what}` }
}
