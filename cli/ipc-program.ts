// The words and options of `callboard ipc`: messages, channels, and what the broker saw of them.

import { Option, type Command } from 'commander'
import { address, count, service, timeoutMs } from './arguments.ts'
import { examples, lazily } from './lazy.ts'
import { messageFlags } from './message-flags.ts'
import { queueFlags } from './queue-flags.ts'

/** Adds `ipc` and everything below it. */
export function declareIpc(program: Command): void {
  const ipc = program.command('ipc').description('send, receive and inspect messages')
  declareMessages(ipc)
  declareChannels(ipc)
  declareInspection(ipc)
}

const message = (): Option => new Option('-m, --message <message>', 'JSON, or any text; - reads it from stdin').makeOptionMandatory()
const channel = (description: string): Option => new Option('-c, --channel <name>', description)
const subject = (description: string): Option => new Option('-s, --subject <subject>', description)
const timeout = (description: string): Option => new Option('-t, --timeout <time>', description).argParser(timeoutMs).default(5000, '5s')

function declareMessages(ipc: Command): void {
  const send = ipc
    .command('send')
    .description('send a message, and with --wait print the answer')
    .addOption(message())
    .addOption(channel('channel to send to (default: command)'))
    .addOption(new Option('--to <address>', 'one receiver: client:ID, agent:NAME, session:ID, or one instance of service:NAME').argParser(address).conflicts(['channel', 'subject']))
    .addOption(subject('any subject, outside channels too').conflicts(['channel', 'to']))
    .option('-w, --wait', 'wait for the answer; several parts are printed as they come')
    .addOption(timeout('longest wait for the answer'))
    .option('--trace', 'record spans of it on its way, where telemetry is configured')
    .addHelpText('after', examples('callboard ipc send --message "status"', 'callboard ipc send --channel command --message \'{"action":"status","target":"gateway"}\' --wait', 'callboard ipc send --to agent:echo --message "hello" --wait --timeout 30s'))
    .action(lazily(async () => (await import('./commands/ipc/send.ts')).send))
  const request = ipc
    .command('request')
    .description('ask one question and print the answer; of a name, one of its instances answers')
    .addOption(message())
    .addOption(new Option('--service <name>', 'one of the instances that are registered under this name').argParser(service).conflicts(['channel', 'subject', 'to']))
    .option('--range <range>', 'with --service: only instances with a version in this range, such as "^2"')
    .option('--affinity <key>', 'with --service: the same instance as others with this key')
    .addOption(channel('channel to ask on'))
    .addOption(new Option('--to <address>', 'one receiver: client:ID, agent:NAME, session:ID or service:NAME').argParser(address).conflicts(['channel', 'subject']))
    .addOption(subject('any subject, outside channels too').conflicts(['channel', 'to']))
    .addOption(timeout('longest wait for the answer'))
    .option('--trace', 'record spans of it on its way, where telemetry is configured')
    .addHelpText('after', examples('callboard ipc request --service weather --message "Oslo"', 'callboard ipc request --service weather --range "^2" --affinity user-7 --message \'{"city":"Oslo"}\''))
    .action(lazily(async () => (await import('./commands/ipc/request.ts')).request))
  const publish = ipc
    .command('publish')
    .description('publish a message to whoever subscribed')
    .addOption(message())
    .addOption(channel('channel to publish to'))
    .addOption(subject('any subject, outside channels too').conflicts('channel'))
    .addOption(new Option('-n, --count <n>', 'publish it n times').argParser(count).default(1).conflicts(['id', 'sequence']))
    .addHelpText('after', examples('callboard ipc publish --channel custom --message "hello"', 'uptime | callboard ipc publish --channel custom --message -', 'callboard ipc publish --channel jobs --message \'{"order":7}\' --id order-7 --delay 10m'))
    .action(lazily(async () => (await import('./commands/ipc/publish.ts')).publish))
  for (const command of [send, request, publish]) for (const flag of messageFlags()) command.addOption(flag)
  ipc
    .command('subscribe')
    .description('print messages: those of the next 5 seconds, or with --follow all until Ctrl-C')
    .addOption(channel('channel to read'))
    .addOption(subject('any pattern: * is one token, > the rest').conflicts('channel'))
    .option('-f, --filter <filter>', 'only what passes, such as "type=status && load>0.9"')
    .option('--follow', 'until Ctrl-C (exit code 0); reconnects when the broker restarts')
    .option('-g, --group <name>', 'share the messages with the other members of this queue group')
    .addOption(new Option('-n, --limit <n>', 'leave after n messages').argParser(count))
    .addOption(timeout('how long to listen without --follow'))
    .addHelpText('after', examples('callboard ipc subscribe --channel events', 'callboard ipc subscribe --channel events --filter "type=status"', 'callboard ipc subscribe --subject "events.*.cpu" --follow'))
    .action(lazily(async () => (await import('./commands/ipc/subscribe.ts')).subscribe))
  ipc
    .command('broadcast')
    .description('send a message to every connected client')
    .addOption(message())
    .addHelpText('after', examples('callboard ipc broadcast --message \'{"type":"notification","content":"System update available"}\''))
    .action(lazily(async () => (await import('./commands/ipc/broadcast.ts')).broadcast))
}

function declareChannels(ipc: Command): void {
  const channels = ipc.command('channel').description('create, list, show and delete channels')
  const name = (): Option => new Option('-n, --name <name>', 'its name').makeOptionMandatory()
  const create = channels
    .command('create')
    .description('create a channel; it survives a restart')
    .addOption(name())
    .addOption(new Option('--mode <mode>', 'pubsub: to whoever subscribed; broadcast: to every connection that may receive; queue: kept until one consumer has done with it').choices(['pubsub', 'broadcast', 'queue']).default('pubsub'))
    .action(lazily(async () => (await import('./commands/ipc/channel.ts')).createChannel))
  for (const flag of queueFlags()) create.addOption(flag)
  create.addHelpText('after', examples('callboard ipc channel create --name custom --mode pubsub', 'callboard ipc channel create --name jobs --mode queue --max-attempts 5 --ack-wait 1m'))
  channels.command('list').description('list all channels').action(lazily(async () => (await import('./commands/ipc/channel.ts')).listChannels))
  channels.command('show').description('show one channel').addOption(name()).action(lazily(async () => (await import('./commands/ipc/channel.ts')).showChannel))
  channels.command('delete').description('delete a channel that was created').addOption(name()).option('-f, --force', 'with the messages that its queue holds').action(lazily(async () => (await import('./commands/ipc/channel.ts')).deleteChannel))
}

function declareInspection(ipc: Command): void {
  ipc
    .command('connections')
    .description('show who is connected')
    .option('-v, --verbose', 'all that is known of each')
    .option('--id <id>', 'only this one: conn-123, or a client id')
    .action(lazily(async () => (await import('./commands/ipc/connections.ts')).connections))
  ipc
    .command('trace')
    .description('show what became of the latest messages')
    .option('--show', 'show them (the default)')
    .option('--enable', 'keep a preview of each payload from now on')
    .addOption(new Option('--disable', 'keep no previews').conflicts('enable'))
    .addOption(channel('only this channel'))
    .option('-f, --follow', 'wait for more until Ctrl-C')
    .addOption(new Option('-n, --limit <n>', 'at most the last n').argParser(count).default(50))
    .addHelpText('after', examples('callboard ipc trace --enable', 'callboard ipc trace --show', 'callboard ipc trace --channel command --follow'))
    .action(lazily(async () => (await import('./commands/ipc/trace.ts')).trace))
  ipc.command('metrics').description('show every counter and gauge').action(lazily(async () => (await import('./commands/ipc/metrics.ts')).metrics))
  ipc.command('latency').description('show how long deliveries take').action(lazily(async () => (await import('./commands/ipc/latency.ts')).latency))
  ipc.command('stats').description('show what became of all messages, as sums').action(lazily(async () => (await import('./commands/ipc/stats.ts')).stats))
}
