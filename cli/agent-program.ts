// The words and options of `callboard agent`: look at the supervised agents, and act on one.

import type { Command } from 'commander'
import { examples, lazily } from './lazy.ts'

/** Adds `agent` and everything below it, and `agents`, its older and shorter form. */
export function declareAgent(program: Command): void {
  const agent = program.command('agent').description('look at the supervised agents, and act on one')
  agent
    .command('ls')
    .description('show the agents and what became of them')
    .addHelpText('after', examples('callboard agent ls', 'callboard agent ls --json'))
    .action(lazily(async () => (await import('./commands/agent/list.ts')).listAgents))
  agent
    .command('restart')
    .description('restart one agent in order')
    .argument('<name>', 'its name')
    .addHelpText('after', examples('callboard agent restart weather'))
    .action(lazily(async () => (await import('./commands/agent/restart.ts')).restartAgent))
  const agents = program.command('agents').description('show the agents and what became of them')
  agents.command('list', { isDefault: true }).description('show the agents (the default)').action(lazily(async () => (await import('./commands/agent/list.ts')).listAgents))
  agents.command('restart').description('restart one agent in order').argument('<name>', 'its name').action(lazily(async () => (await import('./commands/agent/restart.ts')).restartAgent))
}
