// `callboard registry watch`: what is registered, and each change, until Ctrl-C.

import type { Context } from '../../context.ts'
import { changeLine } from '../../instance-view.ts'
import { interruption } from '../../interrupt.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

/** Stays through a restart of the broker, however long it takes. */
export async function watchRegistry(context: Context, { name }: { readonly name?: string }): Promise<void> {
  const signal = interruption()
  await withClient(
    context,
    async client => {
      for await (const change of client.registry.watch({ signal, ...(name !== undefined && { name }) })) await (context.isJson ? printJson(change) : print(changeLine(change)))
    },
    { retry: { maxRetries: Infinity } },
  )
}
