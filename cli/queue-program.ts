// The words and options of `callboard queue`: what queues hold, and what an operator does to them.

import { Option, type Command } from 'commander'
import { count, position, positions, timeoutMs } from './arguments.ts'
import { examples, lazily } from './lazy.ts'

/** Adds `queue` and everything below it. */
export function declareQueue(program: Command): void {
  const queue = program.command('queue').description('show queues, read what they hold, replay, purge, pause, verify, repair')
  declareViews(queue)
  declareMessages(queue)
  declareChanges(queue)
  declareCare(queue)
}

const SEVERAL = 'names of queues (default: all)'
const filter = (): Option => new Option('-f, --filter <filter>', 'only what passes, such as "type=order && total>100"')
const at = (): Option => new Option('-p, --position <positions>', 'only those at these positions, divided by commas').argParser(positions).conflicts(['filter', 'all'])
const all = (about: string): Option => new Option('-a, --all', about).conflicts('filter')
const yes = (): Option => new Option('-y, --yes', 'do not ask')

function declareViews(queue: Command): void {
  queue
    .command('ls')
    .description('list the queues: how much waits, how fast it comes and goes')
    .action(lazily(async () => (await import('./commands/queue/views.ts')).listQueues))
  queue
    .command('status')
    .description('show the store, and how each queue is')
    .argument('[names...]', SEVERAL)
    .option('-d, --dead-letter', 'what could not be handled: how much, and the oldest with the reason')
    .addHelpText('after', examples('callboard queue status', 'callboard queue status jobs', 'callboard queue status --dead-letter'))
    .action(lazily(async () => (await import('./commands/queue/views.ts')).queueStatus))
  queue
    .command('stats')
    .description('show what became of the messages of each queue since it was made')
    .argument('[names...]', SEVERAL)
    .option('-v, --detailed', 'rates and settings too')
    .addHelpText('after', examples('callboard queue stats', 'callboard queue stats jobs --detailed'))
    .action(lazily(async () => (await import('./commands/queue/views.ts')).queueStats))
}

function declareMessages(queue: Command): void {
  queue
    .command('inspect')
    .description('show messages that wait, without taking them')
    .argument('[names...]', SEVERAL)
    .addOption(new Option('-n, --limit <n>', 'at most n of each queue').argParser(count).default(10))
    .addOption(new Option('--after <position>', 'only those behind this position').argParser(position).default(0))
    .addOption(filter())
    .option('-d, --dead-letter', 'dead letters instead, with the attempts that failed')
    .option('--payload', 'whole payloads and headers')
    .addHelpText('after', examples('callboard queue inspect --limit 10', 'callboard queue inspect jobs --filter "customer=42" --payload', 'callboard queue inspect jobs --dead-letter'))
    .action(lazily(async () => (await import('./commands/queue/inspect.ts')).inspectQueues))
  queue
    .command('consume')
    .description('take messages as a consumer does: each is printed, and settled as you say')
    .argument('<name>', 'its name')
    .addOption(new Option('--ack', 'each is done once it is printed; without one of these you are asked for each, on a terminal').conflicts(['nak', 'term']))
    .addOption(new Option('--nak', 'each is handed out again later').conflicts(['ack', 'term']))
    .addOption(new Option('--term', 'each becomes a dead letter').conflicts(['ack', 'nak']))
    .addOption(new Option('-n, --limit <n>', 'leave after n messages').argParser(count))
    .option('--follow', 'wait for more until Ctrl-C (exit code 0)')
    .addOption(new Option('-t, --timeout <time>', 'without --follow: how long to wait for the next one').argParser(timeoutMs).default(1000, '1s'))
    .addHelpText('after', examples('callboard queue consume jobs --limit 1', 'callboard queue consume jobs --ack --follow') + '\nTo look without taking: callboard queue inspect.')
    .action(lazily(async () => (await import('./commands/queue/consume.ts')).consumeQueue))
}

function declareChanges(queue: Command): void {
  queue
    .command('replay')
    .description('make dead letters messages again, without attempts')
    .argument('<name>', 'its name')
    .addOption(all('all of them'))
    .addOption(filter())
    .addOption(at())
    .addHelpText('after', examples('callboard queue replay jobs --all', 'callboard queue replay jobs --filter "customer=42"', 'callboard queue replay jobs --position 17,18'))
    .action(lazily(async () => (await import('./commands/queue/change.ts')).replayQueue))
  queue
    .command('purge')
    .description('delete what waits, but not what consumers have, or dead letters')
    .argument('<name>', 'its name')
    .option('-d, --dead-letter', 'dead letters instead of what waits')
    .addOption(all('all of them (the default)'))
    .addOption(filter())
    .addOption(at())
    .addOption(yes())
    .addHelpText('after', examples('callboard queue purge jobs', 'callboard queue purge jobs --dead-letter --yes', 'callboard queue purge jobs --filter "customer=42"'))
    .action(lazily(async () => (await import('./commands/queue/change.ts')).purgeQueue))
  queue
    .command('pause')
    .description('hand nothing out until resume, over restarts too; messages are still taken in')
    .argument('<name>', 'its name')
    .action(lazily(async () => (await import('./commands/queue/change.ts')).pauseQueue))
  queue.command('resume').description('hand out messages again').argument('<name>', 'its name').action(lazily(async () => (await import('./commands/queue/change.ts')).resumeQueue))
}

function declareCare(queue: Command): void {
  queue
    .command('verify')
    .description('read everything and compare checksums; while the broker works, or while it is down')
    .argument('[name]', 'only this queue')
    .addOption(new Option('-c, --config <file>', 'while it is down: configuration that says where the store is (default: that of the home)'))
    .addHelpText('after', examples('callboard queue verify', 'callboard queue verify jobs --json') + '\nExit codes: 0 all is as it was written, 1 something is damaged.')
    .action(lazily(async () => (await import('./commands/queue/verify.ts')).verifyQueues))
  queue
    .command('repair')
    .description('make a damaged store whole again, while the broker is down: keeps every intact message, and the old files')
    .argument('[name]', 'look at this queue alone; if it is damaged, the whole store is repaired')
    .option('--dry-run', 'say what would be done')
    .addOption(new Option('-c, --config <file>', 'configuration that says where the store is (default: that of the home)'))
    .addHelpText('after', examples('callboard queue repair --dry-run', 'callboard stop && callboard queue repair && callboard start --detach'))
    .action(lazily(async () => (await import('./commands/queue/repair.ts')).repairQueues))
  queue
    .command('reseal')
    .description('seal every message with the first key of store.embedded.encryption, while the broker is down, so that old keys can go')
    .addOption(new Option('-c, --config <file>', 'configuration that names the keys (default: that of the home)'))
    .addHelpText('after', examples('callboard stop && callboard queue reseal && callboard start --detach'))
    .action(lazily(async () => (await import('./commands/queue/reseal.ts')).resealQueues))
}
