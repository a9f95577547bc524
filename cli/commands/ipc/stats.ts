// `callboard ipc stats`: the accounting of all messages, as sums and per channel.

import type { Context } from '../../context.ts'
import { formatCount } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { formatFields, formatTable, paint } from '../../table.ts'
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
  const names = Object.keys(sums.channels[0]!).filter(name => name !== 'name')
  const cell = (value: unknown): string => (typeof value === 'number' ? formatCount(value) : typeof value === 'string' ? value : JSON.stringify(value))
  await print('')
  await print(formatTable([{ title: 'CHANNEL', cell: (row: (typeof sums.channels)[number]) => row.name }, ...names.map(name => ({ title: name.toUpperCase(), align: 'right' as const, cell: (row: (typeof sums.channels)[number]) => cell(row[name]) }))], sums.channels))
}
