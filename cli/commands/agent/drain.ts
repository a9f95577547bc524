// `callboard agent drain`: an agent or one instance answers what it has, and ends.

import { CHANGE_TIMEOUT_MS, formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

export async function drainAgent(context: Context, _options: object, [name = '']: readonly string[]): Promise<void> {
  const answer = await withClient(context, client => client.call('agent.drain', { name }, { timeoutMs: CHANGE_TIMEOUT_MS }))
  await (context.isJson ? printJson(answer) : print(formatAgents(answer.agents)))
}
