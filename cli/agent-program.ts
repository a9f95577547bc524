// The words and options of `callboard agent`: look at the supervised agents, and act on one.

import { Option, type Command } from 'commander'
import { appended, count, timeoutMs } from './arguments.ts'
import { examples, lazily } from './lazy.ts'
import { agentSortKeys } from './top/agent-rows.ts'

/** Adds `agent` and everything below it, and `agents`, its older and shorter form. */
export function declareAgent(program: Command): void {
  const agent = program.command('agent').description('look at the supervised agents, and act on one')
  agent
    .command('ls')
    .description('show the agents and what became of them')
    .addHelpText('after', examples('callboard agent ls', 'callboard agent ls --json'))
    .action(lazily(async () => (await import('./commands/agent/list.ts')).listAgents))
  agent
    .command('show')
    .description('show all of one agent: settings, instances, health, sandbox, connections, registration, last crashes')
    .argument('<name>', 'an agent, or one instance of it, such as weather/2')
    .addHelpText('after', examples('callboard agent show weather', 'callboard agent show weather/2 --json'))
    .action(lazily(async () => (await import('./commands/agent/show.ts')).showAgent))
  agent
    .command('logs')
    .description('show what an agent printed last, also what the log\'s rate kept out of the broker\'s log')
    .argument('<name>', 'an agent, or one instance of it, such as weather/2')
    .addOption(new Option('-n, --lines <n>', 'only the last n (default: all that are kept, 200 of each instance; with --follow 10)').argParser(count))
    .option('-f, --follow', 'wait for more until Ctrl-C')
    .addHelpText('after', examples('callboard agent logs weather', 'callboard agent logs weather/2 --lines 20 --follow'))
    .action(lazily(async () => (await import('./commands/agent/logs.ts')).agentLogs))
  agent
    .command('top')
    .description('show what the instances take and do, live: processor, memory, restarts, requests, health')
    .addOption(new Option('-s, --sort <figure>', 'what to sort by').choices(agentSortKeys).default('cpu'))
    .addOption(new Option('-i, --interval <time>', 'time between two looks, over which rates are counted').argParser(timeoutMs).default(1000, '1s'))
    .option('--once', 'print one table and leave')
    .addOption(new Option('-n, --limit <n>', 'at most n rows').argParser(count))
    .addHelpText('after', examples('callboard agent top', 'callboard agent top --sort requests --once', 'callboard agent top --json --interval 5s'))
    .action(lazily(async () => (await import('./commands/agent/top.ts')).agentTop))
  agent
    .command('crashes')
    .description('show how an agent ended when it did so unasked or badly; works while the broker is down')
    .argument('<name>', 'an agent, or one instance of it, such as weather/2')
    .option('-l, --last', 'all that is known of the last one: why, limits that it met, what it printed and handled last')
    .addOption(new Option('-r, --report <id>', 'the same of the one with this id').conflicts('last'))
    .addHelpText('after', examples('callboard agent crashes weather', 'callboard agent crashes weather --last'))
    .action(lazily(async () => (await import('./commands/agent/crashes.ts')).agentCrashes))
  agent
    .command('restart')
    .description('restart one agent in order')
    .argument('<name>', 'an agent, which means all its instances, or one of them, such as weather/2')
    .option('--rolling', 'its instances one after the other, never with fewer that serve')
    .addHelpText('after', examples('callboard agent restart weather', 'callboard agent restart weather --rolling'))
    .action(lazily(async () => (await import('./commands/agent/restart.ts')).restartAgent))
  agent
    .command('scale')
    .description('run an agent in so many instances, also after the next start of the broker')
    .argument('<name>', 'the agent')
    .argument('<instances>', 'how many, from 0')
    .addHelpText('after', examples('callboard agent scale weather 3'))
    .action(lazily(async () => (await import('./commands/agent/scale.ts')).scaleAgent))
  agent
    .command('drain')
    .description('take an agent out of service without a loss, and end it; restart brings it back')
    .argument('<name>', 'an agent, which means all its instances, or one of them, such as weather/2')
    .addHelpText('after', examples('callboard agent drain weather/2'))
    .action(lazily(async () => (await import('./commands/agent/drain.ts')).drainAgent))
  agent
    .command('upgrade')
    .description('replace the instances of an agent one after the other, and go back where the new ones do not serve')
    .argument('<name>', 'the agent')
    .option('--to, --version <version>', 'what {version} stands for in its command, args, cwd and env')
    .option('--command <program>', 'the program; one that begins with ./ or ../ is looked for here')
    .option('--arg <argument>', 'what the program is given, instead of what it was given before; again for each', appended)
    .option('--env <NAME=value>', 'a variable of its environment; again for each', appended)
    .addHelpText('after', examples('callboard agent upgrade weather --version 2.1.0', 'callboard agent upgrade weather --command ./bin/weather --arg=-v --env CITY=Bergen'))
    .action(lazily(async () => (await import('./commands/agent/upgrade.ts')).upgradeAgent))
  const agents = program.command('agents').description('show the agents and what became of them')
  agents.command('list', { isDefault: true }).description('show the agents (the default)').action(lazily(async () => (await import('./commands/agent/list.ts')).listAgents))
  agents.command('restart').description('restart one agent in order').argument('<name>', 'its name').action(lazily(async () => (await import('./commands/agent/restart.ts')).restartAgent))
}
