// Shows how long things take: a row for each of them, a column for each percentile.

import type { ApiAnswer, Percentiles } from '../client/index.ts'
import type { Context } from './context.ts'
import { formatCount, formatDuration } from './format.ts'
import { note, print, printJson } from './output.ts'
import { formatTable, type Column } from './table.ts'

export interface LatencyColumn {
  readonly title: string
  /** ms */
  of(values: Percentiles): number
}

interface Row {
  readonly name: string
  readonly count: number | undefined
  readonly isMeasured: boolean
  readonly values: Percentiles
}

/** The whole answer for programs; for people deliveries, the channels that were asked for, and the event loop. */
export async function printLatency(context: Context, answer: ApiAnswer<'latency'>, percentiles: readonly LatencyColumn[]): Promise<void> {
  if (context.isJson) return printJson(answer)
  const { delivery, eventLoop, groups = [] } = answer
  const rows: readonly Row[] = [
    { name: 'delivery', count: delivery.count, isMeasured: delivery.count > 0, values: delivery },
    ...groups.filter(({ kind }) => kind === 'channel').map((group): Row => ({ name: `  ${group.name}`, count: group.count, isMeasured: true, values: group })),
    { name: 'event loop', count: undefined, isMeasured: eventLoop.max > 0, values: eventLoop },
  ]
  const columns: readonly Column<Row>[] = [
    { title: 'WHAT', cell: row => row.name },
    { title: 'COUNT', align: 'right', cell: row => (row.count === undefined ? '-' : formatCount(row.count)) },
    ...[...percentiles, { title: 'MAX', of: ({ max }: Percentiles) => max }].map((percentile): Column<Row> => ({ title: percentile.title, align: 'right', cell: row => (row.isMeasured ? formatDuration(percentile.of(row.values)) : '-') })),
  ]
  await print(formatTable(columns, rows))
  if (eventLoop.max === 0) note('the event loop is measured from now on; ask again')
}
