// Sets the limits of a plan on this process and what it starts.

import { setLimit, setNiceness, useProcessors, type Resource } from '../../native/linux/limits.ts'
import type { Step } from './step.ts'
import type { SandboxPlan } from './plan.ts'

const MIB = 1024 * 1024
/** VmData of `node -e 0`, v24: 562 MiB, of which it uses 40. */
const NODE_RESERVE_BYTES = 528 * MIB
/** What programs have for the stack of their first thread as a rule. The kernel does not count it as data, and lets a program raise it. */
const STACK_BYTES = 8 * MIB
/** Behind everybody of normal niceness, as far as the kernel weighs them against each other. */
const NICENESS = 10

export function setLimits({ settings, hostUser, enclosure, cgroup }: SandboxPlan, separate: ReadonlySet<string>, step: Step): void {
  const grouped = cgroup?.parts ?? {}
  for (const part of ['memory', 'processes', 'cpu'] as const) if (grouped[part] !== undefined) step(part, 'limits', () => grouped[part]!)
  const { memoryBytes, cpus, cpuTimeMs, processes, openFiles, fileBytes } = settings
  if (memoryBytes !== undefined && grouped.memory === undefined) {
    step('memory', 'limits', () => {
      setLimit('stackBytes', STACK_BYTES)
      return `${Math.floor(memoryBytes / MIB)} MiB for each process`
    })
  }
  const limit = (part: 'openFiles' | 'fileSize' | 'cpuTime', resource: Resource, value: number, unit: string, hardMore = 0): void =>
    step(part, 'limits', () => {
      setLimit(resource, value, hardMore)
      return `${value}${unit} for each process`
    })
  if (openFiles !== undefined) limit('openFiles', 'openFiles', openFiles, '')
  if (fileBytes !== undefined) limit('fileSize', 'fileBytes', fileBytes, ' bytes')
  // At the first of two the kernel sends SIGXCPU, which says why; where both are one it sends SIGKILL, which may be anything.
  if (cpuTimeMs !== undefined) limit('cpuTime', 'cpuSeconds', Math.ceil(cpuTimeMs / 1000), ' s', 1)
  if (cpus !== undefined && grouped.cpu === undefined) step('cpu', 'limits', () => limitProcessors(cpus))
  if (processes !== undefined && grouped.processes === undefined) step('processes', 'limits', () => limitProcesses(processes, hostUser, separate, enclosure.problem))
  // A core file would have the memory of the agent, its token with it.
  setLimit('coreBytes', 0)
}

/**
 * The last step before the program runs: from here on this process, which is a Node, has more than it may have.
 * Node reserves half a GiB for code that it has not compiled yet, which the kernel counts: an agent in Node gets that on top.
 */
export function limitMemory({ settings, isNode, cgroup }: SandboxPlan): void {
  if (settings.memoryBytes !== undefined && cgroup?.parts.memory === undefined) setLimit('dataBytes', settings.memoryBytes + (isNode ? NODE_RESERVE_BYTES : 0))
}

function limitProcessors(cpus: number): string {
  setNiceness(NICENESS)
  const used = useProcessors(Math.ceil(cpus))
  if (!Number.isInteger(cpus)) throw new Error(`${cpus} of a processor can be given by a control group alone; ask for ${Math.ceil(cpus)}`)
  return `${used} of the processors, niceness ${NICENESS}`
}

// The kernel counts processes by user and user namespace. Without one of its own, all that the user runs would count, and for root nothing counts.
function limitProcesses(processes: number, hostUser: number, separate: ReadonlySet<string>, problem = 'there is none'): string {
  if (hostUser === 0) throw new Error('the kernel does not count the processes of root; give the agent a user of its own, or run the broker as an ordinary one')
  if (!separate.has('user')) throw new Error(`they are counted in a user namespace of the agent alone, and ${problem}`)
  setLimit('processes', processes)
  return `${processes} in its own user namespace`
}
