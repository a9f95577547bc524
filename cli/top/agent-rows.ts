// Makes the rows of `callboard agent top` out of two looks at a broker. Pure, but for the look itself.

import type { AgentInfo, Client, InstanceInfo } from '../../client/index.ts'

export interface AgentSample {
  /** On a clock of this process that never steps back. */
  readonly atMs: number
  /** The broker's. */
  readonly incarnation: number
  readonly agents: readonly AgentInfo[]
  /** What they are registered as. */
  readonly registered: readonly InstanceInfo[]
}

/** One instance. undefined: there is no such figure for it now. */
export interface AgentRow {
  readonly name: string
  readonly agent: string
  readonly phase: string
  /** `quarantine`, `draining`, what its probes say, or what it is registered as. */
  readonly health: string | undefined
  readonly pid: number | undefined
  readonly incarnation: number
  readonly restarts: number
  /** Share of one processor since the look before, 1 being all of it. */
  readonly cpu: number | undefined
  readonly memoryBytes: number | undefined
  /** Requests by name that it got since the look before, per second. */
  readonly requestRate: number
  /** The same of those that ended in an error, a time-out or its own end. */
  readonly failureRate: number
  /** All of these since it registered. */
  readonly failures: number
  /** Requests by name that it has not answered yet. */
  readonly outstanding: number
}

export const agentSortKeys = ['cpu', 'memory', 'restarts', 'requests', 'failures', 'outstanding', 'name'] as const
export type AgentSortKey = (typeof agentSortKeys)[number]

/** Most that the broker lists at once. */
const MAX_INSTANCES = 10_000

export async function takeAgentSample(client: Client): Promise<AgentSample> {
  const [{ agents }, { instances }, { incarnation }] = await Promise.all([client.call('agents'), client.call('registry.list', { limit: MAX_INSTANCES }), client.call('status')])
  return { atMs: performance.now(), incarnation, agents, registered: instances.filter(({ principal }) => principal.startsWith('agent:')) }
}

/** A row for each instance, in the order of the configuration. */
export function agentRowsOf(before: AgentSample, now: AgentSample): AgentRow[] {
  // Another broker counts from 0 again.
  const last = before.incarnation === now.incarnation ? before : undefined
  const ms = now.atMs - before.atMs
  const [counted, countedBefore] = [Sums.of(now.registered), Sums.of(last?.registered ?? [])]
  const agentsBefore = new Map(last?.agents.map((agent) => [agent.name, agent]))
  return now.agents.map((agent): AgentRow => {
    const own = counted.get(agent.name)
    const earlier = countedBefore.get(agent.name)
    const previous = agentsBefore.get(agent.name)
    // Who registered anew counts from 0, too.
    const rate = (value: number | undefined, past: number | undefined): number => (value === undefined || past === undefined || ms <= 0 || value < past ? 0 : ((value - past) / ms) * 1000)
    const isSameProcess = agent.pid !== undefined && agent.pid === previous?.pid && ms > 0
    return {
      name: agent.name,
      agent: agent.agent,
      phase: agent.phase,
      health: agent.quarantine !== undefined ? 'quarantine' : agent.draining === true ? 'draining' : (agent.health ?? own?.health),
      pid: agent.pid,
      incarnation: agent.incarnation,
      restarts: agent.restarts,
      cpu: isSameProcess && agent.cpuMs !== undefined && previous?.cpuMs !== undefined ? Math.max(0, agent.cpuMs - previous.cpuMs) / ms : undefined,
      memoryBytes: agent.residentBytes,
      requestRate: rate(own?.requests, earlier?.requests),
      failureRate: rate(own?.failures, earlier?.failures),
      failures: own?.failures ?? 0,
      outstanding: own?.outstanding ?? 0,
    }
  })
}

/** Figures to sort by; undefined is below all. */
const figures: Readonly<Record<Exclude<AgentSortKey, 'name'>, (row: AgentRow) => number | undefined>> = {
  cpu: (row) => row.cpu,
  memory: (row) => row.memoryBytes,
  restarts: (row) => row.restarts,
  requests: (row) => row.requestRate,
  failures: (row) => row.failures,
  outstanding: (row) => row.outstanding,
}

/** By a figure, the largest first, or by name. Equal ones stay as they are. */
export function sortedAgents(rows: readonly AgentRow[], key: AgentSortKey): AgentRow[] {
  if (key === 'name') return rows.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  const figure = figures[key]
  return rows.toSorted((a, b) => (figure(b) ?? -1) - (figure(a) ?? -1))
}

// An instance may be registered under several names, by several connections.
class Sums {
  static of(registered: readonly InstanceInfo[]): Map<string, Sums> {
    const sums = new Map<string, Sums>()
    for (const instance of registered) {
      const id = instance.principal.slice('agent:'.length)
      let own = sums.get(id)
      if (own === undefined) sums.set(id, (own = new Sums(instance.reachable ? instance.health : 'unreachable')))
      own.requests += instance.requests
      own.failures += instance.failures
      own.outstanding += instance.outstanding
    }
    return sums
  }

  readonly health: string
  requests = 0
  failures = 0
  outstanding = 0

  private constructor(health: string) {
    this.health = health
  }
}
