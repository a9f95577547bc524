// The words and options of `callboard gateway`, and of `callboard trace`: how a running broker is, and what became of a message.

import { Option, type Command } from 'commander'
import { count, gatewayUrl, percentiles, periodMs, slowMs, timeoutMs, words } from './arguments.ts'
import { examples, lazily } from './lazy.ts'

/** Adds `gateway` and everything below it. */
export function declareGateway(program: Command): void {
  const gateway = program.command('gateway').description('look into a running broker: health, throughput, latency, connections, the way of a message').addOption(urlOption())
  declareStatus(gateway)
  declareFigures(gateway)
  declareTrace(gateway, false)
}

/** The gateway to connect to. */
export const urlOption = (): Option => new Option('--url <url>', 'connect by WebSocket, such as ws://127.0.0.1:18789 (default: the Unix socket of the home)').argParser(gatewayUrl)

function declareStatus(gateway: Command): void {
  gateway
    .command('status')
    .description('show whether the broker runs; with --verbose also why it does not')
    .option('-v, --verbose', 'health, listeners and the latest problems; of a broker that is down: what its files, its log and the port say')
    .addHelpText('after', examples('callboard gateway status --verbose'))
    .action(lazily(async () => (await import('./commands/status.ts')).status))
  gateway
    .command('health')
    .description('judge how well the broker is; exit code 1 when something does not work')
    .option('-d, --detailed', 'part by part')
    .addHelpText('after', examples('callboard gateway health --detailed', 'callboard gateway health --json'))
    .action(lazily(async () => (await import('./commands/gateway/health.ts')).health))
  gateway
    .command('ping')
    .description('measure round trips to the broker, or through a channel')
    .option('-c, --channel <name>', 'through this channel: a message to its subject _ping, which its subscribers see')
    .addOption(new Option('-n, --count <n>', 'how many').argParser(count).default(5))
    .addOption(new Option('-i, --interval <time>', 'time between two').argParser(timeoutMs).default(200, '200ms'))
    .addOption(new Option('-t, --timeout <time>', 'longest wait for each').argParser(timeoutMs).default(2000, '2s'))
    .addHelpText('after', examples('callboard gateway ping', 'callboard gateway ping --channel command --count 10', 'callboard gateway --url ws://127.0.0.1:18789 ping'))
    .action(lazily(async () => (await import('./commands/gateway/ping.ts')).ping))
}

function declareFigures(gateway: Command): void {
  gateway
    .command('connections')
    .description('show who is connected')
    .option('-a, --all', 'every one, however many there are')
    .addOption(new Option('--by-channel', 'by channel: who gets its messages').conflicts('all'))
    .option('-v, --verbose', 'all that is known of each')
    .option('--id <id>', 'only this one: conn-123, or a client id')
    .addHelpText('after', examples('callboard gateway connections --by-channel', 'callboard gateway connections --all', 'callboard gateway connections --id conn-17'))
    .action(lazily(async () => (await import('./commands/gateway/connections.ts')).gatewayConnections))
  gateway
    .command('stats')
    .description('show what went through over a time')
    .addOption(new Option('-p, --period <time>', 'how far back, 1s to 24h').argParser(periodMs).default(3_600_000, '1h'))
    .addOption(new Option('-m, --metrics <names>', 'metrics or their first words: messages, deliveries, connections, event, process, … (default: messages,deliveries,connections)').argParser(words).default(['messages', 'deliveries', 'connections'], 'messages,deliveries,connections'))
    .addHelpText('after', examples('callboard gateway stats --period 1h --metrics messages', 'callboard gateway stats --period 5m --metrics deliveries,process', 'callboard gateway stats --json'))
    .action(lazily(async () => (await import('./commands/gateway/stats.ts')).stats))
  gateway
    .command('latency')
    .description('show how long deliveries take')
    .addOption(new Option('-p, --percentiles <list>', '0 to 100, divided by commas').argParser(percentiles).default([50, 95, 99], '50,95,99'))
    .option('--by-channel', 'of the latest runs also by channel, from received to written')
    .addHelpText('after', examples('callboard gateway latency --percentiles 50,95,99', 'callboard gateway latency --by-channel', 'callboard gateway latency --percentiles 99.9,99.99'))
    .action(lazily(async () => (await import('./commands/gateway/latency.ts')).gatewayLatency))
}

/** Adds `trace`; `hasUrl` where no command above it takes `--url`. */
export function declareTrace(parent: Command, hasUrl = true): void {
  const trace = parent
    .command('trace')
    .description('show what became of a message, or of the latest ones, after the fact')
    .option('--message-id <id>', 'the way of one message: broker.incarnation.origin.id, origin.id, or the sender\'s own id')
    .option('-c, --channel <name>', 'only this channel')
    .addOption(new Option('--slow <time>', 'only what took longer from received to written').argParser(slowMs))
    .option('--dropped', 'only what was lost or refused, in part or in whole')
    .option('-f, --follow', 'wait for more until Ctrl-C; with --message-id until every receiver has its fate')
    .addOption(new Option('-n, --limit <n>', 'at most the last n').argParser(count).default(20))
    .addHelpText('after', examples('callboard trace --message-id msg-123', 'callboard trace --channel command', 'callboard trace --slow 10ms --follow', 'callboard trace --dropped'))
    .action(lazily(async () => (await import('./commands/gateway/trace.ts')).trace))
  if (hasUrl) trace.addOption(urlOption())
}
