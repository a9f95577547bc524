// `callboard agent upgrade`: other instances of an agent in the place of those that run, one after the other.

import { resolve } from 'node:path'
import { CHANGE_TIMEOUT_MS, formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

interface UpgradeOptions {
  readonly version?: string
  readonly command?: string
  readonly arg?: readonly string[]
  readonly env?: readonly string[]
}

export async function upgradeAgent(context: Context, { version, command, arg: args, env }: UpgradeOptions, [name = '']: readonly string[]): Promise<void> {
  const change = {
    ...(version !== undefined && { version }),
    ...(command !== undefined && { command: /^\.\.?\//.test(command) ? resolve(command) : command }),
    ...(args !== undefined && { args }),
    ...(env !== undefined && { env: Object.fromEntries(env.map(variable)) }),
  }
  const answer = await withClient(context, client => client.call('agent.upgrade', { name, ...change }, { timeoutMs: CHANGE_TIMEOUT_MS }))
  await (context.isJson ? printJson(answer) : print(answer.agents.length === 0 ? `${name} has no instances, so nothing was tried; those that are started from now on are the new ones: callboard agent scale ${name} 1` : formatAgents(answer.agents)))
}

function variable(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw Failure.usage(`--env ${text} is no variable; write NAME=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}
