// Runs the command lines as a user does: a real process of bin/callboard.mjs, or of its sister.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import type { Teardown } from './temporary-directory.ts'

export const bin = new URL('../../bin/callboard.mjs', import.meta.url).pathname
const macBin = new URL('../../bin/callboard-mac.mjs', import.meta.url).pathname

/** Time to connect, as the environment says it: the default is short for a machine that runs many tests. */
export const PATIENCE_MS = '60000'

export interface Run {
  /** Exit code, or the signal's name. */
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** default `callboard` */
  readonly tool?: 'callboard' | 'callboard-mac'
  readonly home: string
  /** What it reads from stdin. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** Options of node itself. */
  readonly nodeOptions?: readonly string[]
  /** A program that runs it, with its words before it: `['strace', '-f']`. */
  readonly through?: readonly string[]
}

/** Starts the tool with these words; killed when the test ends. Nothing of the caller's own Callboard environment reaches it; a broker takes free ports for its gateway and for NATS. */
export function spawnCallboard(t: Teardown, words: readonly string[], options: RunOptions): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CALLBOARD_') && name !== 'FORCE_COLOR')
  const [program, ...before] = [...(options.through ?? []), process.execPath]
  const child = spawn(program, [...before, ...(options.nodeOptions ?? []), options.tool === 'callboard-mac' ? macBin : bin, ...words], { env: { ...Object.fromEntries(inherited), CALLBOARD_HOME: options.home, CALLBOARD_GATEWAY_PORT: '0', CALLBOARD_NATS_PORT: '0', CALLBOARD_CONNECT_TIMEOUT_MS: PATIENCE_MS, ...options.env } })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

// A test that wanted a line of stdout shows nothing else; what the command complained of is told beside it.
function tellWhereFailed(t: Teardown & Partial<Pick<ExecutionContext, 'log' | 'passed'>>, text: string): void {
  t.teardown(() => {
    if (t.passed === false) t.log?.(text)
  })
}

/** Runs the tool to its end. */
export async function runCallboard(t: Teardown, words: readonly string[], options: RunOptions): Promise<Run> {
  const child = spawnCallboard(t, words, options)
  child.stdin!.end(options.input)
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close') as Promise<[number | null, string]>])
  const exit = code ?? signal
  if (stderr !== '') tellWhereFailed(t, `callboard ${words.join(' ')}: exit ${exit}, stderr: ${stderr}`)
  return { exit, stdout, stderr }
}
