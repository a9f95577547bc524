// What is timed of a fleet: until all of it runs and is healthy, and until it is so again after a part of it was killed.

import { setTimeout } from 'node:timers/promises'
import type { Client } from '../../client/index.ts'

const LOOK_MS = 20
const LIMIT_MS = 120_000

/** Agents by how they are: tiny programs that know nothing of a broker, and programs of the SDK. */
export interface FleetSize {
  readonly tiny: number
  readonly speaking: number
}

/** Each speaking agent stands in the registry as healthy, and each agent has a process, none of `killed`. Rejects when that takes too long. */
export async function untilHealthy(client: Client, { tiny, speaking }: FleetSize, killed: ReadonlySet<number> = new Set()): Promise<void> {
  const began = performance.now()
  while ((await healthy(client)) < speaking) await within(began, 'the speaking agents are not healthy')
  // Asked last and seldom: the answer for 1,000 agents costs the broker a walk through /proc.
  while ((await running(client)).filter((pid) => !killed.has(pid)).length < tiny + speaking) await within(began, 'not all agents run')
}

/** Kills `share` of the fleet at once, spread over all of it; who that was, and how long it took until all were healthy again. */
export async function storm(client: Client, size: FleetSize, share: number): Promise<{ readonly killed: number; readonly ms: number }> {
  const pids = await running(client)
  const killed = new Set(pids.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share)))
  const back = Promise.withResolvers<void>()
  let started = 0
  const events = client.subscribe('$CB.agent.started.*', { onMessage: () => void (++started === killed.size && back.resolve()) })
  await events.ready
  const began = performance.now()
  for (const pid of killed) process.kill(pid, 'SIGKILL')
  await Promise.race([back.promise, setTimeout(LIMIT_MS, undefined, { ref: false }).then(() => Promise.reject(new Error(`${started} of ${killed.size} agents were started again`)))])
  await untilHealthy(client, size, killed)
  await events.unsubscribe()
  return { killed: killed.size, ms: performance.now() - began }
}

async function running(client: Client): Promise<number[]> {
  return (await client.call('agents', {}, { timeoutMs: LIMIT_MS })).agents.flatMap(({ pid }) => pid ?? [])
}

async function healthy(client: Client): Promise<number> {
  return (await client.registry.list({ kind: 'agent', health: 'healthy', limit: 10_000 })).instances.filter(({ reachable }) => reachable).length
}

async function within(began: number, problem: string): Promise<void> {
  if (performance.now() - began > LIMIT_MS) throw new Error(`after ${LIMIT_MS} ms ${problem}`)
  await setTimeout(LOOK_MS)
}
