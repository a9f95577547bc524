// Draws the rows of `callboard agent top`.

import { formatBytes, formatCount, plural } from '../format.ts'
import { formatRate } from '../metric-format.ts'
import { formatTable, paint, type Column } from '../table.ts'
import type { AgentRow, AgentSample, AgentSortKey } from './agent-rows.ts'

const columns: readonly (Column<AgentRow> & { readonly key?: AgentSortKey })[] = [
  { title: 'AGENT', key: 'name', cell: (row) => row.name },
  { title: 'PHASE', cell: (row) => row.phase },
  { title: 'HEALTH', cell: (row) => row.health ?? '-' },
  { title: 'PID', align: 'right', cell: (row) => (row.pid === undefined ? '-' : String(row.pid)) },
  { title: 'CPU', key: 'cpu', align: 'right', cell: (row) => (row.cpu === undefined ? '-' : `${(row.cpu * 100).toFixed(1)} %`) },
  { title: 'MEMORY', key: 'memory', align: 'right', cell: (row) => (row.memoryBytes === undefined ? '-' : formatBytes(row.memoryBytes)) },
  { title: 'RESTARTS', key: 'restarts', align: 'right', cell: (row) => formatCount(row.restarts) },
  { title: 'REQUESTS/S', key: 'requests', align: 'right', cell: (row) => formatRate(row.requestRate) },
  { title: 'FAILED/S', align: 'right', cell: (row) => formatRate(row.failureRate) },
  { title: 'FAILED', key: 'failures', align: 'right', cell: (row) => formatCount(row.failures) },
  { title: 'OPEN', key: 'outstanding', align: 'right', cell: (row) => formatCount(row.outstanding) },
]

/** Keys of the keyboard: the first letter of each way to sort that has not been taken. */
export const agentKeys: ReadonlyMap<string, AgentSortKey> = new Map([['c', 'cpu'], ['m', 'memory'], ['s', 'restarts'], ['r', 'requests'], ['f', 'failures'], ['o', 'outstanding'], ['n', 'name']])

/** A heading, then a line for each row, at most `maxLines` in all; the column that is sorted by is marked. */
export function formatAgentTop({ agents }: AgentSample, rows: readonly AgentRow[], sort: AgentSortKey, maxLines = Infinity): string {
  const running = agents.filter(({ phase }) => phase === 'run').length
  const quarantined = agents.filter(({ quarantine }) => quarantine !== undefined).length
  const heading = `${plural(agents.length, 'instance')}, ${formatCount(running)} running${quarantined === 0 ? '' : `, ${formatCount(quarantined)} in quarantine`}; ${formatBytes(agents.reduce((sum, { residentBytes = 0 }) => sum + residentBytes, 0))} resident`
  const shown = rows.slice(0, Math.max(1, maxLines - 3))
  const marked = columns.map((column) => (column.key === sort ? { ...column, title: `${column.title}${sort === 'name' ? '' : '▾'}` } : column))
  const rest = rows.length - shown.length
  return [heading, formatTable(marked, shown), ...(rest > 0 ? [paint('dim', `… ${formatCount(rest)} more`)] : [])].join('\n')
}
