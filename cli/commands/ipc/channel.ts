// `callboard ipc channel`: create, list, show and delete channels.

import { BrokerError } from '../../../broker/ground/errors.ts'
import type { ChannelMode } from '../../../broker/ground/types.ts'
import type { ChannelInfo, Client } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { channelNotFound } from '../../destination.ts'
import { Failure } from '../../failure.ts'
import { formatCount } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { overridesOf, type QueueFlags } from '../../queue-flags.ts'
import { formatFields, formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

const columns: readonly Column<ChannelInfo>[] = [
  { title: 'CHANNEL', cell: channel => channel.name },
  { title: 'MODE', cell: channel => channel.mode },
  { title: 'CLIENTS', cell: channel => (channel.direction === 'both' ? 'publish, subscribe' : 'subscribe') },
  { title: 'SUBSCRIBERS', align: 'right', cell: channel => formatCount(channel.subscribers) },
  { title: 'ACCEPTED', align: 'right', cell: channel => formatCount(channel.accepted) },
  { title: 'DELIVERED', align: 'right', cell: channel => formatCount(channel.delivered) },
  { title: 'DROPPED', align: 'right', cell: channel => formatCount(channel.dropped) },
  { title: 'PENDING', align: 'right', cell: channel => formatCount(channel.pending) },
]

interface NameOptions {
  readonly name: string
}

export async function createChannel(context: Context, options: NameOptions & QueueFlags & { readonly mode: ChannelMode }): Promise<void> {
  const queue = overridesOf(options)
  if (queue !== undefined && options.mode !== 'queue') throw Failure.usage(`a channel of mode ${options.mode} is no queue`, 'say --mode queue, or leave the options of queues out')
  const channel = await withClient(context, client => client.channels.create({ name: options.name, mode: options.mode, ...(queue !== undefined && { queue }) }))
  await (context.isJson ? printJson(channel) : print(`created channel ${channel.name} (${channel.mode})`))
}

export async function listChannels(context: Context): Promise<void> {
  const channels = await withClient(context, client => client.channels.list())
  await (context.isJson ? printJson({ channels }) : print(formatTable(columns, channels)))
}

export async function showChannel(context: Context, options: NameOptions): Promise<void> {
  const channel = await withClient(context, client => named(client, options.name, client.channels.show(options.name)))
  if (context.isJson) return printJson(channel)
  const origin: [string, string] = channel.predefined ? ['origin', 'predefined'] : ['created', new Date(channel.createdAt).toLocaleString()]
  await print(formatFields([...columns.map((column): [string, string] => [column.title.toLowerCase(), column.cell(channel)]), origin, ...queueField(channel)]))
}

export async function deleteChannel(context: Context, options: NameOptions & { readonly force?: true }): Promise<void> {
  const channel = await withClient(context, client => named(client, options.name, client.channels.delete(options.name, { force: options.force === true })))
  await (context.isJson ? printJson(channel) : print(`deleted channel ${options.name}`))
}

function queueField({ name, mode, queue }: ChannelInfo): [string, string][] {
  if (mode !== 'queue') return []
  return [['queue', `callboard queue status ${name}`], ...(queue === undefined ? [] : ([['own settings', JSON.stringify(queue)]] as [string, string][]))]
}

/** What `answer` gives; a channel that is not there is reported with the nearest name. */
async function named(client: Client, name: string, answer: Promise<ChannelInfo>): Promise<ChannelInfo> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'channel.not_found') throw error
    throw channelNotFound(name, (await client.channels.list()).map(each => each.name))
  }
}
