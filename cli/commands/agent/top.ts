// `callboard agent top`: what the instances of agents take and do, live; or once, for programs.

import type { Context } from '../../context.ts'
import { agentRowsOf, sortedAgents, takeAgentSample, type AgentSortKey } from '../../top/agent-rows.ts'
import { agentKeys, formatAgentTop } from '../../top/agent-screen.ts'
import { showLive, type LiveOptions } from '../../top/live.ts'

export async function agentTop(context: Context, options: LiveOptions<AgentSortKey>): Promise<void> {
  await showLive(context, options, { keys: agentKeys, take: takeAgentSample, rows: (before, now, sort) => sortedAgents(agentRowsOf(before, now), sort), format: formatAgentTop })
}
