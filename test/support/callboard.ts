// A broker that was started by the command line, in a home of its own, and the command line to talk to it.

import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitOf } from './child-end.ts'
import { ChildOutput } from './child-output.ts'
import { runCallboard, spawnCallboard, type Run, type RunOptions } from './run-callboard.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

/** The tool, for the broker of one home. */
export interface CommandLine {
  readonly home: string
  /** Runs one command to its end. */
  run(...words: string[]): Promise<Run>
  /** Runs one command that must succeed, with `--json`; what it printed, one value per line. */
  json(...words: string[]): Promise<unknown[]>
  /** Starts a command that goes on; `next` is the next line of its stdout, and fails with its exit code and stderr where none comes. */
  follow(...words: string[]): { readonly process: ChildProcess; next(): Promise<string>; end(signal: NodeJS.Signals): Promise<[code: number | null, signal: string | null]> }
}

export interface Callboard extends CommandLine {
  readonly process: ChildProcess
  /** What it printed when it was ready (`--json`). */
  readonly started: { readonly pid: number; readonly socket: string; readonly gateway?: string; readonly nats?: string; readonly home: string; readonly agents: readonly { name: string }[] }
}

export interface CallboardOptions extends Pick<RunOptions, 'env' | 'through'> {
  readonly config?: string
  /** default: a new one */
  readonly home?: string
}

/** Resolves when the broker answers. It is killed when the test ends. */
export async function startCallboard(t: Teardown, options: CallboardOptions = {}): Promise<Callboard> {
  const { home = temporaryDirectory(t), config, ...run } = options
  const broker = spawnCallboard(t, ['start', '--json', ...(config === undefined ? [] : ['--config', config])], { home, ...run })
  const output = new ChildOutput(broker)
  const started = JSON.parse(await output.next('did not start')) as Callboard['started']
  return { ...commandLine(t, home), process: broker, started }
}

/** A home whose broker gives clients a minute to come in and to be answered: the defaults are short for a machine that runs many tests. */
export function patientHome(t: Teardown): string {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ ipc: { timeout: '1m', limits: { handshakeTimeout: '1m' } } }))
  return home
}

/** The tool for a broker that somebody else started; commands that still run are killed when the test ends. */
export function commandLine(t: Teardown, home: string): CommandLine {
  const run = (...words: string[]): Promise<Run> => runCallboard(t, words, { home })
  return {
    home,
    run,
    json: async (...words) => {
      const { exit, stdout, stderr } = await run(...words, '--json')
      if (exit !== 0) throw new Error(`callboard ${words.join(' ')} ended with ${exit}: ${stderr}`)
      return stdout.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as unknown)
    },
    follow: (...words) => {
      const child = spawnCallboard(t, words, { home })
      const output = new ChildOutput(child)
      return {
        process: child,
        next: () => output.next(),
        end: async signal => {
          child.kill(signal)
          return exitOf(child)
        },
      }
    },
  }
}
