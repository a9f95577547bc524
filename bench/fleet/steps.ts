// What is timed of a fleet: until all of it runs and is healthy, and until it is so again after a part of it was killed.

import { setTimeout } from 'node:timers/promises'
import type { AgentInfo, Client } from '../../client/index.ts'

/** How often the fleet is asked: its answer for 1,000 agents costs the broker some milliseconds. */
const LOOK_MS = 100
const LIMIT_MS = 120_000

/** Agents by how they are: tiny programs that know nothing of a broker, and programs of the SDK. */
export interface FleetSize {
  readonly tiny: number
  readonly speaking: number
}

/** Each tiny agent has a process, none of `killed`, and each speaking one stands in the registry as healthy; how long that took. ms */
export async function untilHealthy(client: Client, { tiny, speaking }: FleetSize, killed: ReadonlySet<number> = new Set()): Promise<number> {
  const began = performance.now()
  for (;;) {
    const { agents } = await client.call('agents', {}, { timeoutMs: LIMIT_MS })
    const running = agents.filter(({ pid }) => pid !== undefined && !killed.has(pid)).length
    if (running === tiny + speaking && (await healthy(client)) >= speaking) return performance.now() - began
    if (performance.now() - began > LIMIT_MS) throw new Error(`after ${LIMIT_MS} ms ${running} of ${tiny + speaking} agents run`)
    await setTimeout(LOOK_MS)
  }
}

/** Kills `share` of the fleet at once, spread over all of it; their process ids. */
export async function storm(client: Client, share: number): Promise<ReadonlySet<number>> {
  const { agents } = await client.call('agents')
  const killed = agents.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share)).flatMap(({ pid }: AgentInfo) => pid ?? [])
  for (const pid of killed) process.kill(pid, 'SIGKILL')
  return new Set(killed)
}

async function healthy(client: Client): Promise<number> {
  return (await client.registry.list({ kind: 'agent', health: 'healthy', limit: 10_000 })).instances.filter(({ reachable }) => reachable).length
}
