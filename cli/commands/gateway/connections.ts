// `callboard gateway connections`: who is connected, as a table, by channel, or one of them.

import type { ChannelInfo, ConnectionInfo } from '../../../client/index.ts'
import { connectionColumns, formatConnection, requireConnections } from '../../connection-view.ts'
import type { Context } from '../../context.ts'
import { formatCount, plural } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface ConnectionsOptions {
  readonly all?: true
  readonly byChannel?: true
  readonly verbose?: true
  readonly id?: string
}

interface ChannelRow {
  /** undefined: outside channels */
  readonly name: string | undefined
  readonly connections: readonly ConnectionInfo[]
  /** Messages of the channel that wait, for whomever; of those outside channels what waits for them. */
  readonly pending: number
}

/** Rows without --all: a screen. */
const FEW = 40
/** Names in a cell. */
const FEW_NAMES = 5

const channelColumns: readonly Column<ChannelRow>[] = [
  { title: 'CHANNEL', cell: row => row.name ?? '(none)' },
  { title: 'CONNECTIONS', align: 'right', cell: row => formatCount(row.connections.length) },
  { title: 'PENDING', align: 'right', cell: row => formatCount(row.pending) },
  { title: 'WHO', cell: row => few(row.connections.map(each => each.client)) },
]

export async function gatewayConnections(context: Context, options: ConnectionsOptions): Promise<void> {
  if (options.byChannel) return byChannel(context)
  const { connections } = await withClient(context, client => client.call('connections', { channels: true, ...(options.id !== undefined && { id: options.id }) }))
  requireConnections(connections, options.id)
  if (context.isJson) return printJson({ connections })
  if (options.verbose || options.id !== undefined) return print(connections.map(formatConnection).join('\n\n'))
  const shown = options.all ? connections : connections.slice(0, FEW)
  await print(formatTable(connectionColumns, shown))
  if (shown.length < connections.length) note(`${plural(connections.length - shown.length, 'connection')} more; --all shows them`)
}

/** A row for each channel, and at the end one for the connections that get no channel's messages, when there are any. */
export function channelRows(connections: readonly ConnectionInfo[], channels: readonly Pick<ChannelInfo, 'name' | 'pending'>[]): ChannelRow[] {
  // Not the sum over its connections: each of them may have other channels' messages waiting.
  const rows = channels.map(({ name, pending }): ChannelRow => ({ name, connections: connections.filter(each => each.channels?.includes(name)), pending }))
  const others = connections.filter(each => each.channels?.length === 0)
  if (others.length > 0) rows.push({ name: undefined, connections: others, pending: others.reduce((sum, { out }) => sum + out.pendingMessages, 0) })
  return rows
}

async function byChannel(context: Context): Promise<void> {
  const [{ connections }, channels] = await withClient(context, client => Promise.all([client.call('connections', { channels: true }), client.channels.list()]))
  const rows = channelRows(connections, channels)
  if (!context.isJson) return print(formatTable(channelColumns, rows))
  const named = ({ name = '', pending, connections: its }: ChannelRow): object => ({ name, pending, connections: its.map(({ id, client }) => ({ id, client })) })
  const none = rows.find(({ name }) => name === undefined) ?? { name: undefined, connections: [], pending: 0 }
  await printJson({ channels: rows.filter(({ name }) => name !== undefined).map(named), none: named(none) })
}

function few(names: readonly string[]): string {
  const rest = names.length - FEW_NAMES
  return names.length === 0 ? '-' : names.slice(0, FEW_NAMES).join(', ') + (rest > 0 ? ` and ${formatCount(rest)} more` : '')
}
