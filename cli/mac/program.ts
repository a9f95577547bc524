// Every word and option of `callboard-mac`. Loads nothing of what they do: help must be fast.

import { Option, type Command } from 'commander'
import { timeoutMs } from '../arguments.ts'
import { baseProgram } from '../base-program.ts'
import { examples, lazily } from '../lazy.ts'

const EXIT_CODES = '\nIt is the same tool on every Unix, whatever its name says.\nExit codes: 0 a broker answers, 1 none does or a step failed, 2 usage.'

/** The whole command tree, ready to parse. Usage errors are thrown as CommanderError, nothing is printed for them. */
export function buildMacProgram(): Command {
  const program = baseProgram('callboard-mac', 'Finds the brokers of this user, and checks the connection to one step by step.')
    .addHelpText('after', examples('callboard-mac discover', 'callboard-mac connect', 'callboard-mac connect --socket /run/fleet/callboard.sock --token-file fleet.token') + EXIT_CODES)
  program
    .command('discover')
    .description('find brokers: in the home of the environment, in the default home, and those that running processes point to')
    .option('--no-processes', 'look at these two homes only')
    .addOption(timeout('longest wait for one broker'))
    .addHelpText('after', examples('callboard-mac discover', 'callboard-mac discover --json'))
    .action(lazily(async () => (await import('./discover.ts')).discover))
  program
    .command('connect')
    .description('check a connection step by step: socket, token, handshake, round trip, a message to itself')
    .option('--socket <path>', 'socket of the broker (default: that of the home)')
    .option('--token-file <file>', 'file with the credential (default: token in the home)')
    .addOption(timeout('longest wait for each step'))
    .addHelpText('after', examples('callboard-mac connect', 'callboard-mac connect --home /srv/fleet --json'))
    .action(lazily(async () => (await import('./connect.ts')).connect))
  return program
}

function timeout(description: string): Option {
  return new Option('-t, --timeout <time>', description).argParser(timeoutMs).default(2000, '2s')
}
