// What the command lines of the package have in common: the options of every command, and how usage errors leave.

import { createRequire } from 'node:module'
import { Command } from 'commander'

/** A program without commands. Usage errors are thrown as CommanderError, nothing is printed for them. */
export function baseProgram(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ showGlobalOptions: true })
    .version(version(), '-V, --version', 'print the version')
    .option('--home <dir>', 'directory of socket, token and logs (default: $CALLBOARD_HOME or ~/.callboard)')
    .option('--json', 'print data and errors as JSON')
    .helpCommand('help [command]', 'display help for a command')
}

// The package's own name leads to its package.json from the sources and from dist alike.
function version(): string {
  const manifest = createRequire(import.meta.url)('callboard/package.json') as { version: string }
  return manifest.version
}
