// The words and options of `callboard registry`: who answers under which name.

import { Argument, Option, type Command } from 'commander'
import { count, keyValue } from './arguments.ts'
import { examples, lazily } from './lazy.ts'

/** As the broker has them: its files are not loaded for the help. */
const KINDS = ['agent', 'node', 'service']
const HEALTHS = ['healthy', 'unhealthy', 'starting', 'draining']

/** Adds `registry` and everything below it. */
export function declareRegistry(program: Command): void {
  const registry = program.command('registry').description('show which instances answer under which name')
  registry
    .command('ls')
    .description('list instances: all, or those that are such')
    .option('-n, --name <name>', 'of this name')
    .addOption(new Option('-k, --kind <kind>', 'what they are').choices(KINDS))
    .option('-r, --range <range>', 'with a version in this range, such as "^2"')
    .option('-C, --capability <capability>', 'that have this capability')
    .addOption(new Option('-m, --metadata <key=value>', 'that say so of themselves; may be repeated').argParser(keyValue))
    .addOption(new Option('--health <health>', 'how they are').choices(HEALTHS))
    .addOption(new Option('-l, --limit <n>', 'at most n').argParser(count))
    .addHelpText('after', examples('callboard registry ls', 'callboard registry ls --name weather --range "^2"', 'callboard registry ls --capability camera --health healthy'))
    .action(lazily(async () => (await import('./commands/registry/views.ts')).listInstances))
  registry
    .command('show')
    .description('show one name: where requests to it go, and its instances')
    .argument('<name>', 'the name')
    .addHelpText('after', examples('callboard registry show weather'))
    .action(lazily(async () => (await import('./commands/registry/views.ts')).showService))
  registry
    .command('watch')
    .description('print what is registered, and each change, until Ctrl-C')
    .option('-n, --name <name>', 'only this name')
    .addHelpText('after', examples('callboard registry watch', 'callboard registry watch --name weather --json'))
    .action(lazily(async () => (await import('./commands/registry/watch.ts')).watchRegistry))
  registry
    .command('negotiate')
    .description('say who gives a capability, by gateway.nodeCapabilities')
    .argument('<capability>', 'its name')
    .addHelpText('after', examples('callboard registry negotiate tts'))
    .action(lazily(async () => (await import('./commands/registry/views.ts')).negotiateCapability))
  registry
    .command('health')
    .description('hold an instance for something, whatever it says itself: draining takes it out of service')
    .argument('<name>', 'the name')
    .argument('<instance>', 'its instance id, as ls shows it')
    .addArgument(new Argument('<health>', 'clear: as it says itself again').choices([...HEALTHS, 'clear']))
    .addHelpText('after', examples('callboard registry health weather w1 draining', 'callboard registry health weather w1 clear'))
    .action(lazily(async () => (await import('./commands/registry/health.ts')).setHealth))
}
