// `callboard ipc stats`: the accounting of all messages, as sums and per channel.

import type { BrokerStats, ChannelStats } from '../../../client/index.ts'
import { droppedOf, formatIdentity, formatImbalance, imbalanceOf, outsideOf } from '../../accounting-view.ts'
import type { Context } from '../../context.ts'
import { formatCount } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { formatFields, formatTable, paint, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

const number = (title: string, pick: (row: ChannelStats) => number): Column<ChannelStats> => ({ title, align: 'right', cell: row => formatCount(pick(row)) })

const columns: readonly Column<ChannelStats>[] = [
  { title: 'CHANNEL', cell: row => row.name },
  number('ACCEPTED', row => row.accepted),
  number('DELIVERIES', row => row.deliveries),
  number('WRITTEN', row => row.written),
  number('DROPPED', droppedOf),
  number('PENDING', row => row.pending),
  number('REJECTED', row => row.rejected),
  { title: 'IDENTITY', cell: row => formatImbalance(row) ?? 'holds' },
]

export async function stats(context: Context): Promise<void> {
  const sums = await withClient(context, client => client.call('stats'))
  if (context.isJson) return printJson(sums)
  const dropped = Object.entries(sums.dropped).map(([reason, count]): [string, string] => [`dropped: ${reason}`, formatCount(count)])
  await print(
    formatFields([
      ['accepted', formatCount(sums.accepted)],
      ['deliveries', formatCount(sums.deliveries)],
      ['written', formatCount(sums.written)],
      ...(sums.forwarded === 0 ? [] : [['forwarded', formatCount(sums.forwarded)] as [string, string]]),
      ...(sums.stored === 0 ? [] : [['stored', formatCount(sums.stored)] as [string, string]]),
      ['pending', formatCount(sums.pending)],
      ...dropped,
      ['rejected', formatCount(sums.rejected)],
      ...(sums.duplicates === 0 ? [] : [['duplicates', formatCount(sums.duplicates)] as [string, string]]),
    ]),
  )
  await print(formatIdentity(sums))
  await print(verdict(sums))
  await print(`\n${formatTable(columns, [...sums.channels, outsideOf(sums)])}`)
}

function verdict(sums: BrokerStats): string {
  if (sums.balanced && imbalanceOf(sums) === 0) return paint('green', 'balanced: every accepted message has its fate')
  const problem = formatImbalance(sums) ?? 'the calls of the broker\'s own methods do not add up'
  return paint('red', `not balanced: ${problem}; please report this`)
}
