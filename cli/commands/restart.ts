// `callboard restart`: stop, then start in the background with the same configuration, under a watchdog where it had one. A broker that was down is started.

import { resolve } from 'node:path'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { loadConfigOf } from '../../config/load.ts'
import { findWatchdog } from '../../watchdog/record.ts'
import { startInBackground } from '../background.ts'
import type { Context } from '../context.ts'
import { readStartRecord } from '../start-record.ts'
import { printStarted } from './start.ts'
import { stopHolder } from './stop.ts'

interface RestartOptions {
  readonly config?: string
  readonly timeout: number
}

export async function restart(context: Context, options: RestartOptions): Promise<void> {
  const config = options.config === undefined ? readStartRecord(context.paths).config : resolve(options.config)
  // A broker that runs is not given up for a configuration that cannot start.
  await loadConfigOf({ home: context.paths.home, file: config })
  const { watchdog } = readStartRecord(context.paths)
  if ((await findHolder(context.paths)) !== undefined || findWatchdog(context.paths.home) !== undefined) await stopHolder(context, { timeout: options.timeout })
  await printStarted(context, await startInBackground(context, config, watchdog), true)
}
