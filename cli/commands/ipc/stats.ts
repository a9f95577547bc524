// `callboard ipc stats`: the accounting of all messages, as sums and per channel.

import type { Context } from '../../context.ts'
import { formatCount } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { formatFields, formatTable, paint, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

export async function stats(context: Context): Promise<void> {
  const sums = await withClient(context, client => client.call('stats'))
  if (context.isJson) return printJson(sums)
  const dropped = Object.entries(sums.dropped).map(([reason, count]): [string, string] => [`dropped: ${reason}`, formatCount(count)])
  await print(
    formatFields([
      ['accepted', formatCount(sums.accepted)],
      ['deliveries', formatCount(sums.deliveries)],
      ['written', formatCount(sums.written)],
      ['pending', formatCount(sums.pending)],
      ...dropped,
      ['rejected', formatCount(sums.rejected)],
    ]),
  )
  await print(sums.balanced ? paint('green', 'balanced: every accepted message has its fate') : paint('red', 'not balanced: the sums do not add up; please report this'))
  if (sums.channels.length === 0) return
  type Row = (typeof sums.channels)[number]
  const names = (Object.keys(sums.channels[0]!) as (keyof Row)[]).filter(name => name !== 'name')
  const columns: Column<Row>[] = names.map(name => ({ title: name.toUpperCase(), align: 'right', cell: row => formatCount(total(row[name])) }))
  await print(`\n${formatTable([{ title: 'CHANNEL', cell: (row: Row) => row.name }, ...columns], sums.channels)}`)
}

// A channel's drops are told by reason; a table has room for their sum.
function total(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, each) => sum + total(each), 0) : 0
}
