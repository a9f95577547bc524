// The methods that tell of agents: who may call each, what it takes, what it answers.

import type { AgentLogsAnswer, AgentLogsQuery, AgentMethods } from '../ground/agent-api.ts'
import type { ApiMethods } from '../ground/api.ts'
import type { Fields } from '../ground/fields.ts'

/** What the methods ask of the agents. */
export interface AgentsView {
  /** @throws BrokerError `agent.unknown` */
  show(name: string): Promise<ApiMethods['agent.show'][1]>
  /** @throws BrokerError `agent.unknown` */
  logs(query: Required<AgentLogsQuery>): AgentLogsAnswer
  /** @throws BrokerError `agent.unknown` */
  crashes(name: string, report: string | undefined): Promise<AgentMethods['agent.crashes'][1]>
}

interface AgentMethod<Answer> {
  /** As in methods.ts: what agents print is not for everybody. */
  readonly isOpen: false
  readonly run: (view: { readonly agentsView: AgentsView }, params: Fields) => Answer | Promise<Answer>
}

const NAME = { max: 255 }
const MAX_LINES = 1000
const DEFAULT_LINES = 200

export const agentMethods: { readonly [M in keyof AgentMethods | 'agent.show']: AgentMethod<ApiMethods[M][1]> } = {
  'agent.show': { isOpen: false, run: ({ agentsView }, params) => agentsView.show(params.required('name', NAME)) },
  'agent.logs': { isOpen: false, run: ({ agentsView }, params) => agentsView.logs(readLogs(params)) },
  'agent.crashes': { isOpen: false, run: ({ agentsView }, params) => agentsView.crashes(params.required('name', NAME), params.text('report', NAME)) },
}

function readLogs(params: Fields): Required<AgentLogsQuery> {
  return { name: params.required('name', NAME), lines: params.integer('lines', 1, MAX_LINES) ?? DEFAULT_LINES, after: params.integer('after', 0, Number.MAX_SAFE_INTEGER) ?? 0 }
}
