// The words and options of `callboard service`. Loads nothing of what they do.

import { Option, type Command } from 'commander'
import { examples, lazily } from './lazy.ts'

export function declareService(program: Command): void {
  const service = program.command('service').description('have the system start the broker, and start it again: systemd, launchd')
  scoped(service.command('install').description('write the unit, enable it and start the broker'))
    .option('-c, --config <file>', 'configuration (default: config.json or config.yaml in the home, if there is one)')
    .option('--run-as <account>', 'with --system: the user as whom the broker runs (default: root)')
    .option('-n, --dry-run', 'print the unit and what would be run; change nothing')
    .option('-f, --force', 'replace a unit that differs, without asking')
    .addHelpText('after', examples('callboard service install', 'callboard service install --dry-run', 'sudo callboard --home /srv/board service install --system --run-as board --config /etc/board.yaml'))
    .action(lazily(async () => (await import('./commands/service/install.ts')).installService))
  scoped(service.command('uninstall').description('stop the broker, and take the unit away'))
    .option('-n, --dry-run', 'print what would be done; change nothing')
    .option('-f, --force', 'take away a unit that callboard has not written, too')
    .addHelpText('after', examples('callboard service uninstall'))
    .action(lazily(async () => (await import('./commands/service/uninstall.ts')).uninstallService))
  scoped(service.command('status').description('show whether it is installed, enabled and running, and whether the unit is the one that would be written today'))
    .addHelpText('after', examples('callboard service status', 'callboard service status --system --json') + '\nExit code 1 where it is not installed or does not run.')
    .action(lazily(async () => (await import('./commands/service/status.ts')).showService))
}

function scoped(command: Command): Command {
  return command
    .addOption(new Option('--user', 'a service of this user, who needs no more rights for it (the default)').conflicts('system'))
    .option('--system', 'a service of the machine, which starts at boot; as root')
    .addOption(new Option('--supervisor <name>', 'default: that of this system').choices(['systemd', 'launchd']))
}
