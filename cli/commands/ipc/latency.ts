// `callboard ipc latency`: how long deliveries take, and how long the event loop keeps them waiting.

import type { Percentiles } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCount, formatDuration } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface Row {
  readonly name: string
  readonly count?: number
  readonly values: Percentiles
}

const percentile = (name: keyof Percentiles): Column<Row> => ({ title: name.toUpperCase(), align: 'right', cell: row => formatDuration(row.values[name]) })

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
  await print(formatTable(columns, [{ name: 'delivery', count: answer.delivery.count, values: answer.delivery }, { name: 'event loop', values: answer.eventLoop }]))
}
