// What is timed of the registry: filling it, asking it at a rate, and requests by a name beside requests on a subject.

import { setTimeout } from 'node:timers/promises'
import type { Client } from '../../client/index.ts'
import { cpuSeconds } from '../measure/cpu.ts'

/** Milliseconds; `mean` decides beside the percentiles. */
export interface OperationFigures {
  readonly operation: Operation
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export const operations = ['register', 'deregister', 'find by name', 'find by capability', 'status'] as const
export type Operation = (typeof operations)[number]

/** How much is registered: each service has the same number of instances, spread over the clients. */
export interface Size {
  readonly services: number
  readonly instances: number
}

const WINDOW = 64

const serviceName = (i: number): string => `service-${i}`

/** Registers all; how long that took, and what it cost the broker for each. */
export async function fill(clients: readonly Client[], { services, instances }: Size, pid: number): Promise<{ readonly perSecond: number; readonly microsEach: number }> {
  const [began, cpu] = [performance.now(), cpuSeconds(pid)]
  let next = 0
  const worker = async (client: Client): Promise<void> => {
    while (next < instances) {
      const i = next++
      await client.call('registry.register', { name: serviceName(i % services), instance: `i-${i}`, version: `1.${i % 7}.0`, capabilities: [`kind-${i % services}`], metadata: { zone: `z${i % 3}` } })
    }
  }
  await Promise.all(clients.flatMap((client) => Array.from({ length: 8 }, () => worker(client))))
  return { perSecond: (instances / (performance.now() - began)) * 1000, microsEach: ((cpuSeconds(pid) - cpu) / instances) * 1e6 }
}

/** Each operation in turn, `rate` of them in all a second for `seconds`, from the call to the answer. */
export async function atRate(client: Client, { services }: Size, rate: number, seconds: number): Promise<{ readonly rate: number; readonly figures: readonly OperationFigures[] }> {
  const times = new Map<Operation, number[]>(operations.map((operation) => [operation, []]))
  const open = new Set<Promise<void>>()
  const began = performance.now()
  let [sent, registered] = [0, 0]
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - began) {
    for (const due = (elapsed * rate) / 1000; sent < due; sent++) {
      const operation = operations[sent % operations.length]!
      if (operation === 'register') registered++
      const started = performance.now()
      const answered = perform(client, operation, serviceName(sent % services), sent % services, registered).then(() => {
        times.get(operation)!.push(performance.now() - started)
        open.delete(answered)
      })
      open.add(answered)
    }
    await setTimeout(1)
  }
  const took = performance.now() - began
  await Promise.all(open)
  return { rate: (sent / took) * 1000, figures: operations.map((operation) => figuresOf(operation, times.get(operation)!)) }
}

async function perform(client: Client, operation: Operation, name: string, i: number, registered: number): Promise<void> {
  if (operation === 'register') await client.call('registry.register', { name: 'measured', instance: `m-${registered}`, version: '1.0.0' })
  else if (operation === 'deregister') await client.call('registry.deregister', { name: 'measured', instance: `m-${registered}` })
  else if (operation === 'find by name') await client.registry.list({ name, version: '^1' })
  else if (operation === 'find by capability') await client.registry.list({ capability: `kind-${i}`, version: '^1', health: 'healthy' })
  else await client.registry.show(name)
}

function figuresOf(operation: Operation, times: readonly number[]): OperationFigures {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (percent: number): number => sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0
  return { operation, count: sorted.length, mean: sorted.reduce((sum, time) => sum + time, 0) / Math.max(1, sorted.length), p50: at(50), p99: at(99), max: sorted.at(-1) ?? 0 }
}

/** What was answered, in which time, and what it cost the broker. */
export interface Slice {
  readonly count: number
  readonly ms: number
  readonly cpuSeconds: number
}

/** Slices as one figure; the clock of CPU time has steps of 10 ms, so one alone says little. */
export function together(slices: readonly Slice[]): { readonly perSecond: number; readonly microsEach: number } {
  const sum = (of: (slice: Slice) => number): number => slices.reduce((total, slice) => total + of(slice), 0)
  const count = sum((slice) => slice.count)
  return { perSecond: (count / sum(({ ms }) => ms)) * 1000, microsEach: (sum((slice) => slice.cpuSeconds) / count) * 1e6 }
}

/** Requests answered in `seconds`, 64 at a time. */
export async function requests(asker: Client, subjects: readonly string[], seconds: number, pid: number): Promise<Slice> {
  const [began, cpu] = [performance.now(), cpuSeconds(pid)]
  let count = 0
  const worker = async (): Promise<void> => {
    while (performance.now() - began < seconds * 1000) {
      await asker.request(subjects[count++ % subjects.length]!, 'x')
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, worker))
  return { count, ms: performance.now() - began, cpuSeconds: cpuSeconds(pid) - cpu }
}
