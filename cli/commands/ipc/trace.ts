// `callboard ipc trace`: what the flight recorder remembers of the latest messages.

import type { TraceEntry } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import type { Column } from '../../table.ts'
import { listTrace, traceColumns } from '../../trace-list.ts'
import { withClient } from '../../with-client.ts'

interface TraceOptions {
  readonly show?: true
  readonly enable?: true
  readonly disable?: true
  readonly channel?: string
  readonly follow?: true
  readonly limit: number
}

const { time, sender, id, kind, subject, count, receivers, fate } = traceColumns
const bytes: Column<TraceEntry> = { title: 'BYTES', align: 'right', cell: entry => formatCount(entry.bytes) }
const preview: Column<TraceEntry> = { title: 'PREVIEW', cell: entry => entry.preview ?? '' }
const columns = [time, sender, id, kind, subject, count, bytes, receivers, fate, preview]

export async function trace(context: Context, options: TraceOptions): Promise<void> {
  await withClient(context, async client => {
    if (options.enable || options.disable) {
      const { enabled } = await client.call(options.enable ? 'trace.enable' : 'trace.disable')
      if (!context.isJson) await print(`previews of payloads are ${enabled ? 'kept from now on' : 'no longer kept'}`)
      else await printJson({ enabled })
      if (!options.show && !options.follow) return
    }
    await listTrace(context, client, {
      query: options.channel === undefined ? {} : { channel: options.channel },
      columns,
      limit: options.limit,
      follow: options.follow === true,
      remark: ({ from, to, enabled }) => `the recorder covers ${formatCount(from)} to ${formatCount(to)}; previews are ${enabled ? 'on' : 'off, see --enable'}`,
    })
  })
}
