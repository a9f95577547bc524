// `callboard queue inspect`: messages of queues, as they stand there.

import type { Client, InspectQuery } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { plural } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { deadTable, queuedText, waitingTable, type QueuedRow } from '../../queued-view.ts'
import { noQueues, queuesNamed } from '../../queues-named.ts'
import { withClient } from '../../with-client.ts'

interface InspectOptions {
  readonly limit: number
  readonly after: number
  readonly filter?: string
  readonly deadLetter?: true
  readonly payload?: true
}

/** Messages that one answer has at most. */
const PAGE = 1000

export async function inspectQueues(context: Context, options: InspectOptions, names: readonly string[]): Promise<void> {
  const { rows, hasQueues, rest } = await withClient(context, async client => {
    const { queues } = await queuesNamed(client, names)
    const read = []
    for (const { name } of queues) read.push(await readQueue(client, name, options))
    return { rows: read.flatMap(each => each.rows), hasQueues: queues.length > 0, rest: read.filter(each => each.next > 0) }
  })
  if (context.isJson) return printJson({ messages: rows, next: Object.fromEntries(rest.map(({ name, next }) => [name, next])) })
  if (!hasQueues) return note(noQueues)
  if (rows.length > 0) await print(options.payload ? rows.map(row => queuedText(row)).join('\n\n') : options.deadLetter ? deadTable(rows) : waitingTable(rows))
  note(`${plural(rows.length, options.deadLetter ? 'dead letter' : 'message')}${rest.length === 0 ? '' : `; there are more: ${rest.map(({ name, next }) => `callboard queue inspect ${name}${options.deadLetter ? ' --dead-letter' : ''} --after ${next}`).join(', ')}`}`)
}

async function readQueue(client: Client, name: string, { limit, after, filter, deadLetter, payload }: InspectOptions): Promise<{ name: string; rows: QueuedRow[]; next: number }> {
  const rows: QueuedRow[] = []
  const query: InspectQuery = { name, which: deadLetter ? 'dead' : 'waiting', ...(filter !== undefined && { filter }), ...(payload && { payload }) }
  let next = after
  do {
    const answer = await client.call('queue.inspect', { ...query, after: next, limit: Math.min(PAGE, limit - rows.length) })
    rows.push(...answer.messages.map(message => ({ queue: name, ...message })))
    next = answer.next
  } while (next > 0 && rows.length < limit)
  return { name, rows, next }
}
