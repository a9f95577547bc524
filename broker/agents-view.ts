// The agents as the broker's methods see them, beside how they are: asks whoever runs them, and adds what the bus knows.

import type { AgentsView } from './api/agent-methods.ts'
import { connectionInfo } from './connection-info.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { AgentLogsAnswer, AgentLogsQuery, AgentMethods } from './ground/agent-api.ts'
import type { AgentDetails, AgentInfo, AgentShown, ShownAgentSettings } from './ground/api.ts'
import type { CrashReport, CrashSummary } from './ground/crash.ts'
import { processCpuMs } from './ground/process-cpu.ts'
import { residentBytes } from './ground/process-memory.ts'
import type { InstanceInfo } from './ground/registry.ts'
import type { AgentSettings } from './ground/settings.ts'
import type { BrokerHost } from './host.ts'

/** Characters of lines in one answer: it is encoded in one turn, and NATS clients take 1 MiB. */
const MAX_ANSWER = 512 * 1024
/** Crashes that are shown of an instance. */
const MAX_CRASHES = 3

export class AgentReportsView implements AgentsView {
  readonly #core: Core
  readonly #host: BrokerHost

  constructor(core: Core, host: BrokerHost) {
    this.#core = core
    this.#host = host
  }

  async show(name: string): Promise<AgentShown> {
    const { settings, instances } = this.#host.agent(name)
    const crashes = await this.#host.agentCrashes(settings.name)
    const principals = new Set(instances.map((info) => principalOf(info)))
    const connections = this.#connections(principals)
    const registered = Map.groupBy(this.#core.registry.find({ limit: Infinity }).instances.filter(({ principal }) => principals.has(principal)), ({ principal }) => principal)
    return { agent: settings.name, settings: shownSettings(settings), instances: instances.map((info) => this.#details(info, connections.get(principalOf(info)) ?? [], registered.get(principalOf(info)) ?? [], crashes)) }
  }

  logs({ name, lines, after }: Required<AgentLogsQuery>): AgentLogsAnswer {
    return { lines: this.#host.agentLines(name, lines, after), incarnation: this.#core.incarnation }
  }

  async crashes(name: string, report: string | undefined): Promise<AgentMethods['agent.crashes'][1]> {
    const crashes = await this.#host.agentCrashes(name)
    return { crashes: report === undefined ? withinAnswer(crashes) : crashes.filter(({ id }) => id === report) }
  }

  // Looked through once, however many instances the agent has.
  #connections(principals: ReadonlySet<string>): Map<string, Connection[]> {
    const found = new Map<string, Connection[]>()
    for (const connection of this.#core.directory.all()) {
      const name = connection.permissions?.name
      if (name === undefined || !principals.has(name) || !connection.isPresent) continue
      const known = found.get(name)
      if (known === undefined) found.set(name, [connection])
      else known.push(connection)
    }
    return found
  }

  #details(info: AgentInfo, connections: readonly Connection[], registered: readonly InstanceInfo[], crashes: readonly CrashReport[]): AgentDetails {
    const nowMs = this.#core.clock.monotonicMs()
    return {
      info: withUsage(info),
      connections: connections.map((connection) => connectionInfo(connection, nowMs)),
      registered,
      crashes: crashes.filter(({ instance }) => instance === info.name).slice(0, MAX_CRASHES).map(summaryOf),
    }
  }
}

// The credential of an instance is that of this principal.
function principalOf({ name }: AgentInfo): string {
  return `agent:${name}`
}

/** With what its process takes of the machine. */
export function withUsage(agent: AgentInfo): AgentInfo {
  const { pid } = agent
  if (pid === undefined) return agent
  const [bytes, cpuMs] = [residentBytes(pid), processCpuMs(pid)]
  return { ...agent, ...(bytes === undefined ? {} : { residentBytes: bytes }), ...(cpuMs === undefined ? {} : { cpuMs }) }
}

// Values of variables may be secrets, whatever they are called; paths of secrets say where to look for them.
function shownSettings({ env, secrets = {}, ...rest }: AgentSettings): ShownAgentSettings {
  return { ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest), env: Object.keys(env), secrets: Object.keys(secrets) }
}

// The first is always whole: of one process the broker keeps less than fits.
function withinAnswer(crashes: readonly CrashReport[]): CrashReport[] {
  let size = 0
  return crashes.map((crash) => {
    size += crash.lines.reduce((sum, { text }) => sum + text.length, 0)
    return size <= MAX_ANSWER ? crash : { ...crash, lines: [], isCut: true }
  })
}

function summaryOf({ lines, messages, sandbox, ...summary }: CrashReport): CrashSummary {
  return summary
}
