// `callboard ipc connections`: who is connected, and how it goes for them.

import type { ConnectionInfo } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { formatBytes, formatCount, formatDuration, plural } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { formatFields, formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface ConnectionsOptions {
  readonly verbose?: true
  readonly id?: string
}

const columns: readonly Column<ConnectionInfo>[] = [
  { title: 'ID', cell: each => each.id },
  { title: 'CLIENT', cell: each => each.client },
  { title: 'PROGRAM', cell: each => each.program ?? '-' },
  { title: 'PRINCIPAL', cell: each => each.principal },
  { title: 'PHASE', cell: each => (each.stalled ? `${each.phase}, stalled` : each.phase) },
  { title: 'AGE', align: 'right', cell: each => formatDuration(Math.floor(each.ageMs)) },
  { title: 'SUBS', align: 'right', cell: each => formatCount(each.subscriptions) },
  { title: 'IN', align: 'right', cell: each => formatCount(each.in.messages) },
  { title: 'OUT', align: 'right', cell: each => formatCount(each.out.messages) },
  { title: 'PENDING', align: 'right', cell: each => formatCount(each.out.pendingMessages) },
  { title: 'DROPPED', align: 'right', cell: each => formatCount(each.dropped) },
]

export async function connections(context: Context, options: ConnectionsOptions): Promise<void> {
  const answer = await withClient(context, client => client.call('connections', options.id === undefined ? {} : { id: options.id }))
  if (options.id !== undefined && answer.connections.length === 0) {
    throw new Failure({ code: 'connection.unknown', message: `no connection "${options.id}"`, hint: 'callboard ipc connections lists them; the id is conn-NUMBER or a client id', details: { id: options.id } })
  }
  if (context.isJson) return printJson(answer)
  const isWhole = options.verbose === true || options.id !== undefined
  await print(isWhole ? answer.connections.map(each => formatFields(fieldsOf(each))).join('\n\n') : formatTable(columns, answer.connections))
}

function fieldsOf(each: ConnectionInfo): [string, string][] {
  return [
    ['id', each.id],
    ['client', each.client],
    ['program', each.program ?? '-'],
    ['agent', each.agent ?? '-'],
    ['principal', `${each.principal} (${each.roles.join(', ')})`],
    ['phase', each.stalled ? `${each.phase}, stalled` : each.phase],
    ['dialect', each.dialect],
    ['peer', `${each.address}, pid ${each.pid ?? 'unknown'}, uid ${each.uid ?? 'unknown'}`],
    ['age', formatDuration(Math.floor(each.ageMs))],
    ['subscriptions', formatCount(each.subscriptions)],
    ['open requests', formatCount(each.openRequests)],
    ['in', `${plural(each.in.messages, 'message')}, ${formatBytes(each.in.bytes)}`],
    ['out', `${plural(each.out.messages, 'message')}, ${formatBytes(each.out.bytes)}`],
    ['pending', `${plural(each.out.pendingMessages, 'message')}, ${formatBytes(each.out.pendingBytes)}`],
    ['dropped', formatCount(each.dropped)],
  ]
}
