// Every word and option of the command line. Loads nothing of what they do: help must be fast.

import { Option, type Command } from 'commander'
import { declareAgent } from './agent-program.ts'
import { auditAnchor, count, expression, hangMs, timeoutMs } from './arguments.ts'
import { baseProgram } from './base-program.ts'
import { declareGateway, declareTrace, urlOption } from './gateway-program.ts'
import { declareIpc } from './ipc-program.ts'
import { examples, lazily } from './lazy.ts'
import { declareQueue } from './queue-program.ts'
import { declareRegistry } from './registry-program.ts'
import { declareService } from './service-program.ts'
import { sortKeys } from './top/rows.ts'

const EXIT_CODES = '\nExit codes: 0 ok, 1 failed, 2 usage or config, 3 the home is held by another broker.'

/** The whole command tree, ready to parse. Usage errors are thrown as CommanderError, nothing is printed for them. */
export function buildProgram(): Command {
  const program = baseProgram('callboard', 'A self-hosted message broker in one process, with supervised agents.')
    .addHelpText('after', examples('callboard start --detach', 'callboard status', 'callboard ipc send --message \'{"action":"status"}\' --wait', 'callboard ipc subscribe --channel events --follow') + EXIT_CODES)
  declareLifecycle(program)
  declareViews(program)
  declareIpc(program)
  declareQueue(program)
  declareRegistry(program)
  declareGateway(program)
  declareTrace(program)
  declareService(program)
  declareTools(program)
  return program
}

function declareLifecycle(program: Command): void {
  program
    .command('start')
    .description('start the broker and its agents')
    .option('-d, --detach', 'run in the background; returns when the broker answers')
    .option('-c, --config <file>', 'configuration, JSON or YAML (default: config.json or config.yaml in the home, if there is one)')
    .option('-w, --watchdog', 'under a watchdog, which starts the broker again when it is killed, crashes or hangs')
    .addOption(new Option('--watchdog-hang <time>', 'how long the broker may be silent before it is killed, 0 for ever').argParser(hangMs).default(30_000, '30s'))
    .addOption(new Option('--watchdog-deaths <n>', 'most deaths within a minute before the watchdog gives up').argParser(count).default(10))
    .addHelpText('after', examples('callboard start', 'callboard start --detach --config fleet.yaml', 'callboard start --detach --watchdog') + '\nCtrl-C or SIGTERM finishes what was accepted and exits with 0; a second Ctrl-C ends at once.')
    .action(lazily(async () => (await import('./commands/start.ts')).start))
  program
    .command('stop')
    .description('stop the broker in order and wait until it is gone')
    .addOption(new Option('-t, --timeout <time>', 'longest wait').argParser(timeoutMs).default(30_000, '30s'))
    .option('-f, --force', 'kill it when the time is up')
    .action(lazily(async () => (await import('./commands/stop.ts')).stop))
  program
    .command('restart')
    .description('stop the broker and start it again in the background')
    .option('-c, --config <file>', 'configuration (default: the file it was started with)')
    .addOption(new Option('-t, --timeout <time>', 'longest wait for the stop').argParser(timeoutMs).default(30_000, '30s'))
    .action(lazily(async () => (await import('./commands/restart.ts')).restart))
  program
    .command('upgrade')
    .description('have the running broker go on in a new process of this program, without its clients losing anything')
    .option('--command <path>', 'the callboard command that goes on (default: this one)')
    .addHelpText('after', examples('callboard upgrade', 'callboard upgrade --command /opt/callboard-2/bin/callboard.mjs'))
    .action(lazily(async () => (await import('./commands/upgrade.ts')).upgrade))
  // cli/main.ts runs it: here it stands for the help, and for words before it.
  program
    .command('nats-server')
    .description('run a broker in the place of nats-server: its flags, its configuration, its signals')
    .argument('[flags...]', 'as nats-server takes them; see callboard nats-server --help')
    .helpOption(false)
    .allowUnknownOption()
    .addHelpText('after', examples('callboard nats-server -c nats.conf', 'callboard nats-server -p 4222 -m 8222'))
    .action(lazily(async () => (await import('./commands/nats-server.ts')).refuseWordsBefore))
}

function declareViews(program: Command): void {
  program
    .command('status')
    .description('show whether the broker runs, and how it is')
    .option('-v, --verbose', 'health, port and the latest problems; of a broker that is down: what its files, its log and the port say')
    .action(lazily(async () => (await import('./commands/status.ts')).status))
  program
    .command('tree')
    .description('show every actor: phase, incarnation, restarts, age, mailbox')
    .option('-w, --watch', 'draw it again every second until Ctrl-C')
    .action(lazily(async () => (await import('./commands/tree.ts')).tree))
  program
    .command('top')
    .description('show the busiest agents, connections and channels, live')
    .addOption(new Option('-s, --sort <figure>', 'what to sort by').choices(sortKeys).default('rate'))
    .addOption(new Option('-i, --interval <time>', 'time between two looks, over which rates are counted').argParser(timeoutMs).default(1000, '1s'))
    .option('--once', 'print one table and leave')
    .addOption(new Option('-n, --limit <n>', 'at most n rows').argParser(count))
    .addOption(urlOption())
    .addHelpText('after', examples('callboard top', 'callboard top --sort p99 --once', 'callboard top --json --interval 5s'))
    .action(lazily(async () => (await import('./commands/top.ts')).top))
  declareAgent(program)
}

function declareTools(program: Command): void {
  program
    .command('logs')
    .description('show the broker\'s log')
    .addOption(new Option('-g, --grep <regexp>', 'only lines, as printed, that match').argParser(expression))
    .option('-f, --follow', 'wait for more until Ctrl-C, through rotation too')
    .addOption(new Option('-l, --level <level>', 'only this level and above').choices(['debug', 'info', 'warn', 'error']).conflicts('audit'))
    .addOption(new Option('-n, --lines <n>', 'only the last n (default: all, with --follow 10)').argParser(count))
    .option('-a, --audit', 'the audit log instead: who connected, was refused, and changed what')
    .addOption(new Option('--verify [seq:hash]', 'check that no line of the audit log was changed, taken out or moved, and that this entry is still there').argParser(auditAnchor).implies({ audit: true }).conflicts(['follow', 'grep', 'lines', 'level']))
    .addHelpText('after', examples('callboard logs --level warn', 'callboard logs --follow --grep "agent\\.(tail|echo)"', 'callboard logs --grep "message.*lost\\|dropped"', 'callboard logs --audit --grep refused', 'callboard logs --audit --verify'))
    .action(lazily(async () => (await import('./commands/logs.ts')).logs))
  program
    .command('backup')
    .description('copy queues, channels and identity of the running broker into one file')
    .argument('<file>', 'of a name that is not there yet')
    .addHelpText('after', examples('callboard backup /var/backups/callboard-$(date +%F).backup'))
    .action(lazily(async () => (await import('./commands/backup.ts')).backup))
  program
    .command('restore')
    .description('put a backup into a home whose broker does not run')
    .argument('<file>', 'made by callboard backup')
    .option('--dry-run', 'check the backup, and say what is in it')
    .option('--replace', 'set what the home has aside, instead of refusing')
    .addOption(new Option('-c, --config <file>', 'configuration that says where the store is (default: that of the home)'))
    .addHelpText('after', examples('callboard restore callboard.backup --dry-run', 'callboard --home /srv/board restore callboard.backup'))
    .action(lazily(async () => (await import('./commands/restore.ts')).restore))
  program
    .command('doctor')
    .description('check this home and this machine, and say what to repair; works while the broker is down')
    .option('-c, --config <file>', 'configuration to check (default: that of the home)')
    .action(lazily(async () => (await import('./commands/doctor.ts')).doctor))
  const config = program.command('config').description('work with configuration files')
  config
    .command('check')
    .description('check a configuration without starting anything')
    .argument('[file]', 'JSON or YAML (default: that of the home)')
    .action(lazily(async () => (await import('./commands/config-check.ts')).checkConfig))
  program
    .command('completion')
    .description('print a completion script for a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', examples('callboard completion bash > ~/.local/share/bash-completion/completions/callboard', 'callboard completion zsh > "${fpath[1]}/_callboard"', 'callboard completion fish > ~/.config/fish/completions/callboard.fish'))
    .action(lazily(async () => (await import('./commands/completion.ts')).completion))
}
