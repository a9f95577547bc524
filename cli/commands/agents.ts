// `callboard agents`: the supervised processes, and the restart of one.

import type { AgentInfo } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { formatCount, formatDuration } from '../format.ts'
import { print, printJson } from '../output.ts'
import { formatTable, type Column } from '../table.ts'
import { withClient } from '../with-client.ts'

const columns: readonly Column<AgentInfo>[] = [
  { title: 'AGENT', cell: agent => agent.name },
  { title: 'PHASE', cell: agent => agent.phase },
  { title: 'PID', align: 'right', cell: agent => (agent.pid === undefined ? '-' : String(agent.pid)) },
  { title: 'INCARNATION', align: 'right', cell: agent => formatCount(agent.incarnation) },
  { title: 'RESTARTS', align: 'right', cell: agent => formatCount(agent.restarts) },
  { title: 'AGE', align: 'right', cell: agent => formatDuration(Math.floor(agent.ageMs)) },
  { title: 'LAST EXIT', cell: agent => agent.lastExit ?? '-' },
]

/** Where nobody is confined the table is as wide as it was. */
function columnsFor(agents: readonly AgentInfo[]): readonly Column<AgentInfo>[] {
  if (agents.every(({ sandbox }) => sandbox === undefined)) return columns
  return columns.toSpliced(-1, 0, { title: 'SANDBOX', cell: sandboxCell })
}

function sandboxCell({ sandbox }: AgentInfo): string {
  if (sandbox === undefined) return '-'
  return sandbox.missing.length === 0 ? sandbox.achieved : `${sandbox.achieved} (asked: ${sandbox.asked})`
}

export async function listAgents(context: Context): Promise<void> {
  const answer = await withClient(context, client => client.call('agents'))
  if (context.isJson) return printJson(answer)
  await print(answer.agents.length === 0 ? 'no agents; they are declared in the config, see: callboard config check' : formatTable(columnsFor(answer.agents), answer.agents))
}

// The agent gets its own time to stop, 5 s unless its config says otherwise, before the new process starts.
const RESTART_TIMEOUT_MS = 60_000

export async function restartAgent(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const agent = await withClient(context, client => client.call('agent.restart', { name: words[0]! }, { timeoutMs: RESTART_TIMEOUT_MS }))
  await (context.isJson ? printJson(agent) : print(formatTable(columnsFor([agent]), [agent])))
}
