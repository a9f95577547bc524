// Shows connections: a row each, or all that is known of one.

import type { ConnectionInfo } from '../client/index.ts'
import { Failure } from './failure.ts'
import { formatBytes, formatCount, formatDuration, plural } from './format.ts'
import { formatFields, type Column } from './table.ts'

export const connectionColumns: readonly Column<ConnectionInfo>[] = [
  { title: 'ID', cell: each => each.id },
  { title: 'CLIENT', cell: each => each.client },
  { title: 'PROGRAM', cell: each => each.program ?? '-' },
  { title: 'PRINCIPAL', cell: each => each.principal },
  { title: 'PHASE', cell: phaseOf },
  { title: 'VIA', cell: each => `${each.transport}, ${each.dialect}` },
  { title: 'AGE', align: 'right', cell: each => formatDuration(Math.floor(each.ageMs)) },
  { title: 'SUBS', align: 'right', cell: each => formatCount(each.subscriptions) },
  { title: 'IN', align: 'right', cell: each => formatCount(each.in.messages) },
  { title: 'OUT', align: 'right', cell: each => formatCount(each.out.messages) },
  { title: 'PENDING', align: 'right', cell: each => formatCount(each.out.pendingMessages) },
  { title: 'DROPPED', align: 'right', cell: each => formatCount(each.dropped) },
]

/** A line for each thing that is known. */
export function formatConnection(each: ConnectionInfo): string {
  const { device } = each
  return formatFields([
    ['id', each.id],
    ['client', each.client],
    ['program', each.program ?? '-'],
    ['agent', each.agent ?? '-'],
    ['principal', `${each.principal} (${each.roles.join(', ')})`],
    ['phase', phaseOf(each)],
    ['flow', `${each.flow.overflow} above ${formatBytes(each.flow.maxPendingBytes)}${each.flow.maxPendingMessages === undefined ? '' : ` or ${plural(each.flow.maxPendingMessages, 'message')}`}`],
    ['transport', each.transport],
    ['dialect', each.dialect],
    ...(device === undefined ? [] : [['device', [device.role, device.nodeType, device.version].filter(Boolean).join(', ') || '-'] as const, ['capabilities', device.capabilities.join(', ') || '-'] as const]),
    ['peer', `${each.address}, pid ${each.pid ?? 'unknown'}, uid ${each.uid ?? 'unknown'}`],
    ['age', formatDuration(Math.floor(each.ageMs))],
    ['subscriptions', formatCount(each.subscriptions)],
    ...(each.channels === undefined ? [] : [['channels', each.channels.join(', ') || '-'] as const]),
    ['open requests', formatCount(each.openRequests)],
    ...(each.consumes ?? []).map(({ queue, credit, inFlight, isOpen }) => ['consumes', `${queue}: ${formatCount(inFlight)} on lease, ${isOpen ? `${formatCount(credit)} more asked for` : 'closed'}`] as const),
    ['in', `${plural(each.in.messages, 'message')}, ${formatBytes(each.in.bytes)}`],
    ['out', `${plural(each.out.messages, 'message')}, ${formatBytes(each.out.bytes)}`],
    ['pending', `${plural(each.out.pendingMessages, 'message')}, ${formatBytes(each.out.pendingBytes)}`],
    ['dropped', [formatCount(each.dropped), ...Object.entries(each.droppedBy ?? {}).filter(([, count]) => count > 0).map(([reason, count]) => `${formatCount(count)} ${reason}`)].join(', ')],
  ])
}

/** @throws Failure `connection.unknown` when one was asked for by `id` and is not there */
export function requireConnections(connections: readonly ConnectionInfo[], id: string | undefined): void {
  if (id === undefined || connections.length > 0) return
  throw new Failure({ code: 'connection.unknown', message: `no connection "${id}"`, hint: 'callboard gateway connections lists them; the id is conn-NUMBER or a client id', details: { id } })
}

function phaseOf(each: ConnectionInfo): string {
  return each.stalled ? `${each.phase}, stalled` : each.phase
}
