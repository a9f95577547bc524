// `callboard start --watchdog`: what the watchdog's process is started with, and how this process becomes it.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BrokerError } from '../broker/ground/errors.ts'
import { findWatchdog } from '../watchdog/record.ts'
import type { WatchdogSettings } from '../watchdog/settings.ts'
import { brokerOptions, startWords } from './broker-words.ts'
import type { Context } from './context.ts'
import { Failure } from './failure.ts'
import type { WatchdogWishes } from './start-record.ts'

/** A watchdog needs no room for garbage: with V8's own it would take what a broker takes. MiB */
const SMALL_HEAP = ['--max-semi-space-size=1', '--max-old-space-size=64']

/**
 * Words of Node that run the watchdog for the broker of a home.
 * @throws BrokerError `watchdog.running`
 */
export function watchdogWords(context: Context, config: string | undefined, wishes: WatchdogWishes): string[] {
  const { home } = context.paths
  const other = findWatchdog(home)
  if (other !== undefined) throw new BrokerError('watchdog.running', { home, pid: String(other.pid) })
  const settings: WatchdogSettings = {
    home,
    program: [process.execPath, ...brokerOptions(), process.argv[1]!],
    words: [...(context.isJson ? ['--json'] : []), ...startWords(home, config, wishes)],
    hangMs: wishes.watchdogHang,
    mostDeaths: wishes.watchdogDeaths,
    isJson: context.isJson,
  }
  const root = dirname(createRequire(import.meta.url).resolve('callboard/package.json'))
  return [...SMALL_HEAP, join(root, 'bin/watchdog.mjs'), JSON.stringify(settings)]
}

/** Makes this process the watchdog: whoever started it knows it by its pid, and what the command line loaded is gone. */
export function becomeWatchdog(context: Context, config: string | undefined, wishes: WatchdogWishes): void {
  if (process.execve === undefined) throw Failure.usage(`a process of ${process.platform} cannot become a watchdog`, 'add --detach')
  // It says on stderr that execve is experimental.
  process.removeAllListeners('warning')
  process.execve(process.execPath, [process.execPath, ...watchdogWords(context, config, wishes)], process.env)
}
