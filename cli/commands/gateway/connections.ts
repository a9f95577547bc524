// `callboard gateway connections`: who is connected, as a table, by channel, or one of them.

import type { ConnectionInfo } from '../../../client/index.ts'
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
  readonly name: string
  readonly connections: readonly ConnectionInfo[]
}

/** Rows without --all: a screen. */
const FEW = 40
/** Names in a cell. */
const FEW_NAMES = 5

const channelColumns: readonly Column<ChannelRow>[] = [
  { title: 'CHANNEL', cell: row => row.name },
  { title: 'CONNECTIONS', align: 'right', cell: row => formatCount(row.connections.length) },
  { title: 'PENDING', align: 'right', cell: row => formatCount(row.connections.reduce((sum, each) => sum + each.out.pendingMessages, 0)) },
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

async function byChannel(context: Context): Promise<void> {
  const rows = await withClient(context, async client => {
    const [{ connections }, channels] = await Promise.all([client.call('connections', { channels: true }), client.channels.list()])
    const known = channels.map(({ name }): ChannelRow => ({ name, connections: connections.filter(each => each.channels?.includes(name)) }))
    return { known, none: connections.filter(each => each.channels?.length === 0) }
  })
  if (context.isJson) {
    const named = ({ name, connections }: ChannelRow): object => ({ name, connections: connections.map(({ id, client }) => ({ id, client })) })
    return printJson({ channels: rows.known.map(named), none: named({ name: '', connections: rows.none }) })
  }
  await print(formatTable(channelColumns, [...rows.known, ...(rows.none.length === 0 ? [] : [{ name: '(none)', connections: rows.none }])]))
}

function few(names: readonly string[]): string {
  const rest = names.length - FEW_NAMES
  return names.length === 0 ? '-' : names.slice(0, FEW_NAMES).join(', ') + (rest > 0 ? ` and ${formatCount(rest)} more` : '')
}
