// `callboard nats-server`: does what the flags ask for, and leaves with nats-server's exit codes. Loads neither the broker
// nor the command tree before it knows that they are needed.

import { createRequire } from 'node:module'
import { NATS_VERSION } from '../../broker/ground/nats-version.ts'
import { ConfigError } from '../../config/error.ts'
import { Failure } from '../failure.ts'
import { guardPipes } from '../output.ts'
import { configure, type Configured } from './configure.ts'
import { parseFlags, type Flags } from './flags.ts'
import { toSettings } from './to-settings.ts'
import { TLS_USAGE, USAGE } from './usage.ts'

const FAILED = 1

/** Runs with the words behind `nats-server`; what happens is told on stderr, the exit code stands in the process when it returns. */
export async function natsServer(words: readonly string[]): Promise<void> {
  guardPipes()
  try {
    await act(parseFlags(words))
  } catch (error) {
    process.exitCode = FAILED
    complain(error)
  }
}

async function act(flags: Flags): Promise<void> {
  const { values, words } = flags
  const [word] = words
  if (values.get('version') === true || word === 'version') return showVersion()
  if (values.get('help') === true || word === 'help') return void process.stdout.write(USAGE)
  if (values.get('help_tls') === true) return void process.stdout.write(TLS_USAGE)
  if (word !== undefined) throw new Failure({ code: 'usage', message: `unrecognized command: "${word}"` })
  const signal = values.get('signal')
  if (typeof signal === 'string' && signal !== '') {
    const { sendSignal } = await import('./send-signal.ts')
    return sendSignal(signal)
  }
  if (values.get('check') === true) return check(flags)
  const { runServer } = await import('./run-server.ts')
  await runServer(flags)
}

function check(flags: Flags): void {
  if (flags.values.get('config') === undefined) throw new Failure({ code: 'usage', message: 'must specify [-c, --config] option to check configuration file syntax' })
  const configured: Configured = configure(flags)
  const { warnings } = toSettings(configured.options)
  for (const warning of [...configured.warnings, ...warnings]) process.stderr.write(`${warning}\n`)
  process.stderr.write(`nats-server: configuration file ${configured.file} is valid\n`)
}

function showVersion(): void {
  const { version } = createRequire(import.meta.url)('callboard/package.json') as { version: string }
  // Launchers look for the version in the first line.
  process.stdout.write(`nats-server: v${NATS_VERSION}\ncallboard: v${version}\n`)
}

function complain(error: unknown): void {
  if (error instanceof ConfigError) {
    for (const { file, at, text } of error.problems) process.stderr.write(`nats-server: ${file}${at === undefined ? '' : `:${at.line}:${at.column}`}: ${text}\n`)
    return
  }
  process.stderr.write(`nats-server: ${error instanceof Error ? error.message : String(error)}\n`)
  if (error instanceof Failure && error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`)
  if (process.env['CALLBOARD_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
}
