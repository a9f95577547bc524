// `callboard agent restart`, and `callboard agents restart`: one agent ends in order and is started anew.

import { CHANGE_TIMEOUT_MS, formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

// The agent gets its own time to stop, 5 s unless its config says otherwise, before the new process starts.
const RESTART_TIMEOUT_MS = 60_000

export async function restartAgent(context: Context, { rolling = false }: { readonly rolling?: boolean }, words: readonly string[]): Promise<void> {
  const name = words[0]!
  const [restarted, agents] = await withClient(context, async client => {
    const first = await client.call('agent.restart', { name, rolling }, { timeoutMs: rolling ? CHANGE_TIMEOUT_MS : RESTART_TIMEOUT_MS })
    // The answer is one instance; whoever names the agent means all of them.
    return [first, context.isJson || name !== first.agent ? [first] : (await client.call('agents')).agents.filter(({ agent }) => agent === name)]
  })
  await (context.isJson ? printJson(restarted) : print(formatAgents(agents)))
}
