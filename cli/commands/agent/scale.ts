// `callboard agent scale`: more instances of an agent, or fewer.

import { MAX_INSTANCES } from '../../../agents/instance-id.ts'
import { CHANGE_TIMEOUT_MS, formatAgents } from '../../agent-view.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

export async function scaleAgent(context: Context, _options: object, [name = '', count = '']: readonly string[]): Promise<void> {
  if (!/^\d{1,4}$/.test(count) || Number(count) > MAX_INSTANCES) throw Failure.usage(`"${count}" is no number of instances; give a whole number from 0 to ${MAX_INSTANCES}`)
  const answer = await withClient(context, client => client.call('agent.scale', { name, instances: Number(count) }, { timeoutMs: CHANGE_TIMEOUT_MS }))
  await (context.isJson ? printJson(answer) : print(answer.agents.length === 0 ? `no instance of ${name} runs` : formatAgents(answer.agents)))
}
