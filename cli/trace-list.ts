// Lists what the flight recorder knows, and what comes to it. Knows the table and the order, not who asks.

import type { ApiAnswer, Client, TraceEntry, TraceQuery } from '../client/index.ts'
import type { Context } from './context.ts'
import { formatCount, formatTime, plural } from './format.ts'
import { interruption } from './interrupt.ts'
import { note, print, printJson } from './output.ts'
import { formatTable, type Column } from './table.ts'
import { followTrace } from './trace-follow.ts'

const MICROS_PER_MS = 1000

/** What the lists show of a run. */
export const traceColumns = {
  time: { title: 'TIME', cell: entry => formatTime(entry.time / MICROS_PER_MS) },
  id: { title: 'ID', align: 'right', cell: entry => `${entry.origin}.${entry.id}` },
  sender: { title: 'SENDER', cell: entry => entry.sender },
  kind: { title: 'KIND', cell: entry => entry.kind },
  subject: { title: 'SUBJECT', cell: entry => entry.subject },
  count: { title: 'COUNT', align: 'right', cell: entry => formatCount(entry.count) },
  receivers: { title: 'RECEIVERS', align: 'right', cell: entry => formatCount(entry.receivers) },
  fate: { title: 'FATE', cell: entry => entry.fate },
} satisfies Record<string, Column<TraceEntry>>

interface TraceList {
  readonly query: TraceQuery
  readonly columns: readonly Column<TraceEntry>[]
  readonly limit: number
  /** Goes on with what comes, until it is interrupted. */
  readonly follow: boolean
  /** What is said below a list that does not go on, behind how many there are. */
  readonly remark: (answer: ApiAnswer<'trace.show'>) => string
}

export async function listTrace(context: Context, client: Client, { query, columns, limit, follow, remark }: TraceList): Promise<void> {
  const answer = await client.call('trace.show', { ...query, limit })
  if (context.isJson && !follow) return printJson(answer)
  await printEntries(context, columns, answer.entries)
  if (!follow) return note(`${plural(answer.entries.length, 'run')} of messages; ${remark(answer)}`)
  for await (const { entries, missed } of followTrace(client, query, answer.to, interruption())) {
    if (missed > 0) note(`${plural(missed, 'run')} went by too fast to be shown: the recorder has forgotten them`)
    await printEntries(context, columns, entries)
  }
}

async function printEntries(context: Context, columns: readonly Column<TraceEntry>[], entries: readonly TraceEntry[]): Promise<void> {
  if (context.isJson) for (const entry of entries) await printJson(entry)
  else if (entries.length > 0) await print(formatTable(columns, entries))
}
