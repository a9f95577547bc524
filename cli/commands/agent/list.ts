// `callboard agent ls`, and `callboard agents`: the supervised processes.

import { formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

export async function listAgents(context: Context): Promise<void> {
  const answer = await withClient(context, client => client.call('agents'))
  if (context.isJson) return printJson(answer)
  await print(answer.agents.length === 0 ? 'no agents; they are declared in the config, see: callboard config check' : formatAgents(answer.agents))
}
