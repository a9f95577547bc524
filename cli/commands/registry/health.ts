// `callboard registry health`: what the broker holds an instance for, whatever it says itself.

import type { InstanceHealth } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { instanceColumns } from '../../instance-view.ts'
import { print, printJson } from '../../output.ts'
import { formatTable } from '../../table.ts'
import { withClient } from '../../with-client.ts'

/** `clear`: nothing any more. */
export async function setHealth(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const [name, instance, health] = words as [string, string, InstanceHealth | 'clear']
  const changed = await withClient(context, client => client.call('registry.health', { name, instance, ...(health !== 'clear' && { health }) }))
  await (context.isJson ? printJson(changed) : print(formatTable(instanceColumns, [changed])))
}
