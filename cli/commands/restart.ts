// `callboard restart`: stop, then start in the background with the same configuration, under a watchdog where it had one. A broker that was down is started.

import { resolve } from 'node:path'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { loadConfigOf } from '../../config/load.ts'
import { findWatchdog } from '../../watchdog/record.ts'
import { startInBackground } from '../background.ts'
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { readStartRecord } from '../start-record.ts'
import { printStarted } from './start.ts'
import { stopHolder } from './stop.ts'

interface RestartOptions {
  readonly config?: string
  readonly timeout: number
}

export async function restart(context: Context, options: RestartOptions): Promise<void> {
  const { watchdog, isService, ...before } = readStartRecord(context.paths)
  const config = options.config === undefined ? before.config : resolve(options.config)
  const isHeld = (await findHolder(context.paths)) !== undefined
  // One that is started here systemd would neither know nor start again.
  if (isHeld && isService === true) throw new Failure({ code: 'restart.service', message: 'systemd runs this broker', hint: 'systemctl --user restart callboard-gateway, or without --user where it is a service of the machine' })
  // A broker that runs is not given up for a configuration that cannot start.
  await loadConfigOf({ home: context.paths.home, file: config })
  if (isHeld || findWatchdog(context.paths.home) !== undefined) await stopHolder(context, { timeout: options.timeout })
  await printStarted(context, await startInBackground(context, config, watchdog), true)
}
