// `callboard ipc connections`: who is connected, and how it goes for them.

import { connectionColumns, formatConnection, requireConnections } from '../../connection-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { formatTable } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface ConnectionsOptions {
  readonly verbose?: true
  readonly id?: string
}

export async function connections(context: Context, { id, verbose }: ConnectionsOptions): Promise<void> {
  const answer = await withClient(context, client => client.call('connections', id === undefined ? {} : { id }))
  requireConnections(answer.connections, id)
  if (context.isJson) return printJson(answer)
  await print(verbose === true || id !== undefined ? answer.connections.map(formatConnection).join('\n\n') : formatTable(connectionColumns, answer.connections))
}
