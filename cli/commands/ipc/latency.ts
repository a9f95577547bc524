// `callboard ipc latency`: how long deliveries take, and how long the event loop keeps them waiting.

import type { Percentiles } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount, formatDuration } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface Row {
  readonly name: string
  readonly count?: number
  readonly isMeasured: boolean
  readonly values: Percentiles
}

const percentile = (name: 'p50' | 'p95' | 'p99' | 'max'): Column<Row> => ({ title: name.toUpperCase(), align: 'right', cell: row => (row.isMeasured ? formatDuration(row.values[name]) : '-') })

const columns: readonly Column<Row>[] = [
  { title: 'WHAT', cell: row => row.name },
  { title: 'COUNT', align: 'right', cell: row => (row.count === undefined ? '-' : formatCount(row.count)) },
  percentile('p50'),
  percentile('p95'),
  percentile('p99'),
  percentile('max'),
]

export async function latency(context: Context): Promise<void> {
  const answer = await withClient(context, client => client.call('latency'))
  if (context.isJson) return printJson(answer)
  const { delivery, eventLoop } = answer
  const rows: readonly Row[] = [
    { name: 'delivery', count: delivery.count, isMeasured: delivery.count > 0, values: delivery },
    { name: 'event loop', isMeasured: eventLoop.max > 0, values: eventLoop },
  ]
  await print(formatTable(columns, rows))
  if (eventLoop.max === 0) note('the event loop is measured from now on; ask again')
}
