// `callboard agent restart`, and `callboard agents restart`: one agent ends in order and is started anew.

import { CHANGE_TIMEOUT_MS, formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

// The agent gets its own time to stop, 5 s unless its config says otherwise, before the new process starts.
const RESTART_TIMEOUT_MS = 60_000

export async function restartAgent(context: Context, { rolling = false }: { readonly rolling?: boolean }, words: readonly string[]): Promise<void> {
  const agent = await withClient(context, client => client.call('agent.restart', { name: words[0]!, rolling }, { timeoutMs: rolling ? CHANGE_TIMEOUT_MS : RESTART_TIMEOUT_MS }))
  await (context.isJson ? printJson(agent) : print(formatAgents([agent])))
}
