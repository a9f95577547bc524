// The agents as the broker's methods see them, beside how they are: asks whoever runs them.

import type { AgentsView } from './api/agent-methods.ts'
import type { Core } from './core.ts'
import type { AgentLogsAnswer, AgentLogsQuery, AgentMethods } from './ground/agent-api.ts'
import type { BrokerHost } from './host.ts'

export class AgentReportsView implements AgentsView {
  readonly #core: Core
  readonly #host: BrokerHost

  constructor(core: Core, host: BrokerHost) {
    this.#core = core
    this.#host = host
  }

  logs({ name, lines, after }: Required<AgentLogsQuery>): AgentLogsAnswer {
    return { lines: this.#host.agentLines(name, lines, after), incarnation: this.#core.incarnation }
  }

  async crashes(name: string): Promise<AgentMethods['agent.crashes'][1]> {
    return { crashes: await this.#host.agentCrashes(name) }
  }
}
