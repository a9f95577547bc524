// `callboard gateway latency`: any percentiles of how long deliveries take, and of how late the event loop is.

import type { Percentiles } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount, formatDuration } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface Row {
  readonly name: string
  readonly count: number | undefined
  readonly isMeasured: boolean
  readonly values: Percentiles
}

interface LatencyOptions {
  readonly percentiles: readonly number[]
  readonly byChannel?: true
}

export async function gatewayLatency(context: Context, { percentiles, byChannel }: LatencyOptions): Promise<void> {
  const answer = await withClient(context, client => client.call('latency', { percentiles, groups: byChannel === true }))
  if (context.isJson) return printJson(answer)
  const { delivery, eventLoop } = answer
  const rows: readonly Row[] = [
    { name: 'delivery', count: delivery.count, isMeasured: delivery.count > 0, values: delivery },
    ...(answer.groups ?? []).filter(({ kind }) => kind === 'channel').map((group): Row => ({ name: `  ${group.name}`, count: group.count, isMeasured: true, values: group })),
    { name: 'event loop', count: undefined, isMeasured: eventLoop.max > 0, values: eventLoop },
  ]
  const cell = (row: Row, ms: number): string => (row.isMeasured ? formatDuration(ms) : '-')
  const columns: readonly Column<Row>[] = [
    { title: 'WHAT', cell: row => row.name },
    { title: 'COUNT', align: 'right', cell: row => (row.count === undefined ? '-' : formatCount(row.count)) },
    ...percentiles.map((percentile, at): Column<Row> => ({ title: `P${percentile}`, align: 'right', cell: row => cell(row, row.values.at![at]!.ms) })),
    { title: 'MAX', align: 'right', cell: row => cell(row, row.values.max) },
  ]
  await print(formatTable(columns, rows))
  if (eventLoop.max === 0) note('the event loop is measured from now on; ask again')
}
