// A broker under a watchdog, as `callboard start --watchdog` starts them, and what a test does to the two.

import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { homePaths } from '../../broker/ground/home.ts'
import { findWatchdog } from '../../watchdog/record.ts'
import { exitOf } from './child-end.ts'
import { ChildOutput } from './child-output.ts'
import { commandLine, type Callboard, type CommandLine } from './callboard.ts'
import { spawnCallboard } from './run-callboard.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'
import { isThere, until } from './until.ts'

type Started = Callboard['started']

export interface WatchedBroker extends CommandLine {
  /** The watchdog; undefined: it was started in the background. */
  readonly process: ChildProcess
  readonly output: ChildOutput
  /** The broker that serves first. */
  readonly first: Started
  /** What the next broker prints when it serves. */
  next(): Promise<Started>
  /** kill -9 of that broker; resolves when it is gone. */
  kill(broker: Started): Promise<void>
  /** Exit code and signal of the watchdog. */
  readonly exit: Promise<unknown[]>
  /** What the watchdog wrote into the log. */
  told(): Record<string, unknown>[]
}

/** Resolves when the broker serves. Both are killed when the test ends. */
export async function startWatched(t: Teardown, options: { readonly words?: readonly string[]; readonly home?: string } = {}): Promise<WatchedBroker> {
  const home = options.home ?? temporaryDirectory(t)
  endAfterwards(t, home)
  const child = spawnCallboard(t, ['start', '--watchdog', '--json', ...(options.words ?? [])], { home })
  const output = new ChildOutput(child)
  const next = async (): Promise<Started> => JSON.parse(await output.next('did not serve')) as Started
  return {
    ...commandLine(t, home),
    process: child,
    output,
    first: await next(),
    next,
    async kill({ pid }) {
      process.kill(pid, 'SIGKILL')
      await until(() => !isThere(pid))
    },
    exit: exitOf(child),
    told: () => readFileSync(homePaths(home).log, 'utf8').split('\n').filter(line => line.includes('"actor":"watchdog"')).map(line => JSON.parse(line) as Record<string, unknown>),
  }
}

/** The watchdog first, as it would start another broker; both are no children of a test that had them started in the background. */
export function endAfterwards(t: Teardown, home: string): void {
  t.teardown(async () => {
    const watchdog = findWatchdog(home)
    if (watchdog !== undefined) end(watchdog.pid)
    const holder = await findHolder(homePaths(home))
    if (holder !== undefined && holder.pid !== 0) end(holder.pid)
  })
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself since it was found.
  }
}
