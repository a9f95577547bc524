// `callboard ipc trace`: what the flight recorder remembers of the latest messages.

import { setTimeout as delay } from 'node:timers/promises'
import type { Client, TraceEntry } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount, formatTime, plural } from '../../format.ts'
import { interruption } from '../../interrupt.ts'
import { note, print, printJson } from '../../output.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface TraceOptions {
  readonly show?: true
  readonly enable?: true
  readonly disable?: true
  readonly channel?: string
  readonly follow?: true
  readonly limit: number
}

const MICROS_PER_MS = 1000
const POLL_MS = 500
/** Entries that are asked for at once while following. */
const BATCH = 1000

const columns: readonly Column<TraceEntry>[] = [
  { title: 'TIME', cell: entry => formatTime(entry.time / MICROS_PER_MS) },
  { title: 'SENDER', cell: entry => entry.sender },
  { title: 'ID', align: 'right', cell: entry => `${entry.origin}.${entry.id}` },
  { title: 'KIND', cell: entry => entry.kind },
  { title: 'SUBJECT', cell: entry => entry.subject },
  { title: 'COUNT', align: 'right', cell: entry => formatCount(entry.count) },
  { title: 'BYTES', align: 'right', cell: entry => formatCount(entry.bytes) },
  { title: 'RECEIVERS', align: 'right', cell: entry => formatCount(entry.receivers) },
  { title: 'FATE', cell: entry => entry.fate },
  { title: 'PREVIEW', cell: entry => entry.preview ?? '' },
]

export async function trace(context: Context, options: TraceOptions): Promise<void> {
  await withClient(context, async client => {
    if (options.enable || options.disable) {
      const { enabled } = await client.call(options.enable ? 'trace.enable' : 'trace.disable')
      if (!context.isJson) await print(`previews of payloads are ${enabled ? 'kept from now on' : 'no longer kept'}`)
      else await printJson({ enabled })
      if (!options.show && !options.follow) return
    }
    await show(context, client, options)
  })
}

async function show(context: Context, client: Client, options: TraceOptions): Promise<void> {
  const channel = options.channel === undefined ? {} : { channel: options.channel }
  const answer = await client.call('trace.show', { ...channel, limit: options.limit })
  if (context.isJson && !options.follow) return printJson(answer)
  await printEntries(context, answer.entries)
  if (!options.follow) {
    note(`${plural(answer.entries.length, 'run')} of messages; the recorder covers ${formatCount(answer.from)} to ${formatCount(answer.to)}; previews are ${answer.enabled ? 'on' : 'off, see --enable'}`)
    return
  }
  const signal = interruption()
  for (let next = answer.to; !signal.aborted; ) {
    const { entries, from, to } = await client.call('trace.show', { ...channel, after: next - 1, limit: BATCH })
    if (from > next) note(`${plural(from - next, 'run')} went by too fast to be shown: the recorder has forgotten them`)
    await printEntries(context, entries)
    const isMore = entries.length === BATCH
    next = isMore ? entries.at(-1)!.seq + 1 : to
    if (!isMore) await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

async function printEntries(context: Context, entries: readonly TraceEntry[]): Promise<void> {
  if (context.isJson) for (const entry of entries) await printJson(entry)
  else if (entries.length > 0) await print(formatTable(columns, entries))
}
