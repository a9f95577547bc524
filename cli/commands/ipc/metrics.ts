// `callboard ipc metrics`: every counter and gauge by name.

import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { formatTable } from '../../table.ts'
import { withClient } from '../../with-client.ts'

export async function metrics(context: Context): Promise<void> {
  const values = await withClient(context, client => client.call('metrics'))
  if (context.isJson) return printJson(values)
  const rows = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1))
  await print(formatTable([{ title: 'METRIC', cell: ([name]) => name }, { title: 'VALUE', align: 'right', cell: ([, value]) => value.toLocaleString('en-US', { maximumFractionDigits: 3 }) }], rows))
}
