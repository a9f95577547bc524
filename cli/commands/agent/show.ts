// `callboard agent show`: all that the broker has of one agent.

import { formatAgentShown } from '../../agent-details-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

export async function showAgent(context: Context, _options: object, words: readonly string[]): Promise<void> {
  const shown = await withClient(context, client => client.call('agent.show', { name: words[0]! }))
  await (context.isJson ? printJson(shown) : print(formatAgentShown(shown)))
}
