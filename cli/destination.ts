// Turns `--channel`, `--subject` and `--to` into subjects.

import type { Client } from '../client/index.ts'
import { nearest } from '../broker/ground/nearest.ts'
import { Failure } from './failure.ts'

/** As declared in ipc-program.ts; at most one is set. `to` is a subject already. */
export interface DestinationOptions {
  readonly channel?: string
  readonly subject?: string
  readonly to?: string
}

/**
 * The subject to send to. A channel must exist; its longest declared name that `channel` begins with counts.
 * @throws Failure `channel.not_found`
 */
export async function subjectOf(client: Client, options: DestinationOptions): Promise<string> {
  const subject = options.to ?? options.subject
  if (subject !== undefined) return subject
  const channel = options.channel
  if (channel === undefined) throw Failure.usage('no destination', 'name one with --channel NAME or --subject SUBJECT')
  await requireChannel(client, channel)
  return channel
}

/**
 * The patterns to subscribe to: of a channel its own subject and everything below, unless `channel` has wildcards itself.
 * @throws Failure `channel.not_found`
 */
export async function patternsOf(client: Client, options: Pick<DestinationOptions, 'channel' | 'subject'>): Promise<string[]> {
  if (options.subject !== undefined) return [options.subject]
  const channel = await subjectOf(client, options)
  return /[*>]/.test(channel) ? [channel] : [channel, `${channel}.>`]
}

// The broker lets everybody with permission publish outside channels, so a misspelt channel would be a subject that
// nobody reads: whoever says channel means one that exists.
async function requireChannel(client: Client, channel: string): Promise<void> {
  const names = (await client.channels.list()).map(each => each.name)
  if (!names.some(name => channel === name || channel.startsWith(`${name}.`))) throw channelNotFound(channel, names)
}

/** The failure for a channel that is not among `names`, with the one that was probably meant. */
export function channelNotFound(channel: string, names: readonly string[]): Failure {
  const meant = nearest(channel, names)
  const create = `create it with: callboard ipc channel create --name ${channel}`
  return new Failure({
    code: 'channel.not_found',
    message: `no channel "${channel}" (channel.not_found)`,
    hint: meant === undefined ? create : `did you mean "${meant}"? Or ${create}`,
    details: { channel, ...(meant !== undefined && { meant }) },
  })
}
