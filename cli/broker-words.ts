// How a broker is started as a process of its own: Node's options and the words of the command line.

import type { WatchdogWishes } from './start-record.ts'

/** As bin/launch.mjs bounds a broker in the foreground: where whoever starts it hears of it over a channel, or starts it often, it does not do so itself. */
export const YOUNG = '--max-semi-space-size=8'

/** Words that start the broker of a home, behind the program; with `watchdog` for one that keeps in mind what its watchdog was told. */
export function startWords(home: string, config: string | undefined, watchdog?: WatchdogWishes): string[] {
  const wishes = watchdog === undefined ? [] : ['--watchdog-hang', String(watchdog.watchdogHang), '--watchdog-deaths', String(watchdog.watchdogDeaths)]
  return ['--home', home, 'start', ...(config === undefined ? [] : ['--config', config]), ...wishes]
}

/** Node's options for a broker: those of this process, and the bound on its young generation where none was asked for. */
export function brokerOptions(): string[] {
  const isBounded = /--max[-_]semi[-_]space[-_]size/.test(`${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`)
  return [...process.execArgv, ...(isBounded ? [] : [YOUNG])]
}
