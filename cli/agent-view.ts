// Agents as a table, one line each.

import type { AgentInfo } from '../client/index.ts'
import { formatCount, formatDuration } from './format.ts'
import { formatTable, type Column } from './table.ts'

/** How long a change of all instances may take, one after the other. */
export const CHANGE_TIMEOUT_MS = 3_600_000

/** The table of `agents`, with its heading. */
export function formatAgents(agents: readonly AgentInfo[]): string {
  return formatTable(columnsFor(agents), agents)
}

const columns: readonly Column<AgentInfo>[] = [
  { title: 'AGENT', cell: agent => agent.name },
  { title: 'PHASE', cell: agent => agent.phase },
  { title: 'PID', align: 'right', cell: agent => (agent.pid === undefined ? '-' : String(agent.pid)) },
  { title: 'INCARNATION', align: 'right', cell: agent => formatCount(agent.incarnation) },
  { title: 'RESTARTS', align: 'right', cell: agent => formatCount(agent.restarts) },
  { title: 'AGE', align: 'right', cell: agent => (agent.phase === 'exited' ? '-' : formatDuration(Math.floor(agent.ageMs))) },
  { title: 'LAST EXIT', cell: agent => startProblemOf(agent) ?? agent.lastExit ?? '-' },
]

/** Why there is no process, without the code and the agent's name; undefined: it runs, or was not kept from starting. */
export function startProblemOf({ pid, problem, name }: Pick<AgentInfo, 'pid' | 'problem' | 'name'>): string | undefined {
  return pid === undefined ? problem?.replace(/^[a-z_]+\.[a-z_]+: /, '').replace(`agent "${name}" `, '') : undefined
}

/** Where nobody is probed, confined, or has times, the table is as wide as it was. */
function columnsFor(agents: readonly AgentInfo[]): readonly Column<AgentInfo>[] {
  const more = [
    ...(agents.some((agent) => healthOf(agent) !== undefined) ? [{ title: 'HEALTH', cell: (agent: AgentInfo) => healthOf(agent) ?? '-' }] : []),
    ...(agents.some(({ sandbox }) => sandbox !== undefined) ? [{ title: 'SANDBOX', cell: sandboxCell }] : []),
    ...(agents.some(({ schedule }) => schedule !== undefined) ? [{ title: 'NEXT START', cell: nextStartCell }] : []),
  ]
  return columns.toSpliced(-1, 0, ...more)
}

// What keeps it from serving comes first.
function healthOf({ quarantine, draining, drained, waitsFor, health }: AgentInfo): string | undefined {
  if (quarantine !== undefined) return 'in quarantine'
  if (draining === true) return 'draining'
  if (drained === true) return 'drained'
  return waitsFor === undefined ? health : `waits for ${waitsFor.join(', ')}`
}

function sandboxCell({ sandbox }: AgentInfo): string {
  if (sandbox === undefined) return '-'
  return sandbox.missing.length === 0 ? sandbox.achieved : `${sandbox.achieved} (asked: ${sandbox.asked})`
}

// In the reader's own time, whatever zone the schedule has.
function nextStartCell({ schedule }: AgentInfo): string {
  if (schedule === undefined) return '-'
  return schedule.next === undefined ? 'never' : new Date(schedule.next).toLocaleString('sv')
}
