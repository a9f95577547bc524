// Draws the rows of `callboard top`.

import { formatBytes, formatCount, formatDuration } from '../format.ts'
import { formatRate } from '../metric-format.ts'
import { formatTable, paint, type Column } from '../table.ts'
import type { SortKey, TopRow } from './rows.ts'
import type { TopSample } from './sample.ts'

const orDash = <T>(value: T | undefined, format: (value: T) => string): string => (value === undefined ? '-' : format(value))

const columns: readonly (Column<TopRow> & { readonly key?: SortKey })[] = [
  { title: 'KIND', cell: row => row.kind },
  { title: 'NAME', key: 'name', cell: row => row.name },
  { title: 'IN', key: 'rate', align: 'right', cell: row => formatRate(row.inRate) },
  { title: 'OUT', key: 'rate', align: 'right', cell: row => formatRate(row.outRate) },
  { title: 'LOST', align: 'right', cell: row => formatRate(row.lostRate) },
  { title: 'MAILBOX', key: 'mailbox', align: 'right', cell: row => orDash(row.mailbox, formatCount) },
  { title: 'OUTBOUND', key: 'outbound', align: 'right', cell: row => (row.outboundBytes === undefined ? `${formatCount(row.outboundMessages)} msg` : formatBytes(row.outboundBytes)) },
  { title: 'P99', key: 'p99', align: 'right', cell: row => orDash(row.p99Ms, formatDuration) },
  { title: 'RESTARTS', key: 'restarts', align: 'right', cell: row => orDash(row.restarts, formatCount) },
  { title: 'HEAP', key: 'heap', align: 'right', cell: row => orDash(row.memoryBytes, formatBytes) },
]

/** Keys of the keyboard: the first letter of each way to sort that has not been taken. */
export const keysOf: ReadonlyMap<string, SortKey> = new Map([['r', 'rate'], ['m', 'mailbox'], ['o', 'outbound'], ['p', 'p99'], ['s', 'restarts'], ['h', 'heap'], ['n', 'name']])

/** A heading, then a line for each row, at most `maxLines` in all; the column that is sorted by is marked. */
export function formatTop(sample: TopSample, rows: readonly TopRow[], sort: SortKey, maxLines = Infinity): string {
  const { status, stats } = sample
  const heading = `callboard ${status.broker}, incarnation ${status.incarnation}, up ${formatDuration(status.uptimeMs)}; ${formatCount(status.connections)} connections, ${formatCount(stats.accepted)} messages, ${formatBytes(status.rssBytes)} resident`
  const shown = rows.slice(0, Math.max(1, maxLines - 3))
  const marked = columns.map(column => (column.key === sort ? { ...column, title: `${column.title}${sort === 'name' ? '' : '▾'}` } : column))
  const rest = rows.length - shown.length
  return [heading, formatTable(marked, shown), ...(rest > 0 ? [paint('dim', `… ${formatCount(rest)} more`)] : [])].join('\n')
}
