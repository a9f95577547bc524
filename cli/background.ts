// Starts a broker that outlives the command, and waits until it answers or has failed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { homePaths, prepareHome, writingHome } from '../broker/ground/home.ts'
import { brokerOptions, startWords } from './broker-words.ts'
import type { Context } from './context.ts'
import { Failure } from './failure.ts'
import type { WatchdogWishes } from './start-record.ts'
import { watchdogWords } from './watch.ts'

/** What a broker tells whoever started it, once it answers. */
export interface StartReport {
  readonly pid: number
  readonly home: string
  readonly socket: string
  /** URL of the WebSocket gateway; missing when there is none. */
  readonly gateway?: string | undefined
  /** Why there is none, though one is configured. */
  readonly gatewayProblem?: string | undefined
  /** URL of the NATS port, and why there is none, likewise. */
  readonly nats?: string | undefined
  readonly natsProblem?: string | undefined
  readonly grpc?: string | undefined
  readonly grpcSocket?: string | undefined
  /** `problem`: why no process of it could be started. */
  readonly agents: readonly { readonly name: string; readonly phase: string; readonly problem?: string | undefined }[]
}

/**
 * Runs `callboard start` as a process of its own, its stdout and stderr in `logs/callboard.out`; with `watchdog` under one.
 * @throws Failure with the exit code and the words of a broker that did not come up
 */
export async function startInBackground(context: Context, config: string | undefined, watchdog?: WatchdogWishes): Promise<StartReport> {
  const { home, out } = prepareHome(context.paths.home)
  const output = openSync(out, 'a', 0o600)
  const before = fstatSync(output).size
  // Before anything is started: another watchdog may have the home.
  const words = watchdog === undefined ? [...brokerOptions(), process.argv[1]!, ...startWords(home, config)] : watchdogWords(context, config, watchdog)
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', output, output, 'ipc'] })
  closeSync(output)
  const gone = new AbortController()
  try {
    const started = await Promise.race([
      once(child, 'message', { signal: gone.signal }).then(([message]) => message as StartReport),
      once(child, 'exit', { signal: gone.signal }).then(([code, signal]: unknown[]) => {
        // On a full disk it could not even say so.
        if (statSync(out).size === before) writingHome(homePaths(home), out, () => appendFileSync(out, '\n'))
        throw notStarted(readFileSync(out).subarray(before).toString(), typeof code === 'number' ? code : undefined, String(signal), out)
      }),
    ])
    child.disconnect()
    child.unref()
    return started
  } finally {
    gone.abort()
  }
}

// The broker said what was wrong as any command does; its words are passed on as if it had run here.
function notStarted(written: string, code: number | undefined, signal: string, out: string): Failure {
  const lines = written.trim().split('\n')
  const at = lines.findLastIndex(line => line.startsWith('error: '))
  if (at < 0) return new Failure({ code: 'broker.not_started', message: `the broker did not come up: ${code === undefined ? `ended by ${signal}` : `exit code ${code}`}`, hint: `what it wrote is in ${out}` })
  const hintAt = lines.findLastIndex(line => line.startsWith('hint: '))
  const message = lines.slice(at, hintAt > at ? hintAt : undefined).join('\n').slice('error: '.length)
  return new Failure({ code: / \(([a-z_]+\.[a-z_]+)\)$/.exec(message)?.[1] ?? 'broker.not_started', message, hint: hintAt > at ? lines[hintAt]!.slice('hint: '.length) : undefined, ...(code !== undefined && { exitCode: code }) })
}
