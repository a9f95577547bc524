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
    return { agent: settings.name, settings: shownSettings(settings), instances: instances.map((info) => this.#details(info, crashes)) }
  }

  logs({ name, lines, after }: Required<AgentLogsQuery>): AgentLogsAnswer {
    return { lines: this.#host.agentLines(name, lines, after), incarnation: this.#core.incarnation }
  }

  async crashes(name: string, report: string | undefined): Promise<AgentMethods['agent.crashes'][1]> {
    const crashes = await this.#host.agentCrashes(name)
    return { crashes: report === undefined ? withinAnswer(crashes) : crashes.filter(({ id }) => id === report) }
  }

  #details(info: AgentInfo, crashes: readonly CrashReport[]): AgentDetails {
    const { directory, registry, clock } = this.#core
    const principal = `agent:${info.name}`
    const connections: Connection[] = []
    for (const connection of directory.all()) if (connection.permissions?.name === principal && connection.isPresent) connections.push(connection)
    const ids = new Set(connections.map(({ id }) => id))
    return {
      info: withUsage(info),
      connections: connections.map((connection) => connectionInfo(connection, clock.monotonicMs())),
      registered: ids.size === 0 ? [] : registry.find({ limit: Infinity }).instances.filter(({ connection }) => ids.has(connection)),
      crashes: crashes.filter(({ instance }) => instance === info.name).slice(0, MAX_CRASHES).map(summaryOf),
    }
  }
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
