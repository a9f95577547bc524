// SIGHUP to a broker without a terminal: its configuration is read again, and what may change while it runs changes.

import { closeSync, openSync } from 'node:fs'
import { loadConfigOf } from '../config/load.ts'
import type { Broker } from '../index.ts'
import { explain } from './explain.ts'
import { note } from './output.ts'

/** A mistake in the file is told, and everything stays as it was. */
export async function reloadConfig(broker: Broker, config: string | undefined): Promise<void> {
  try {
    const { settings, warnings } = await loadConfigOf({ home: broker.home, file: config })
    for (const warning of warnings) note(`warning: ${warning}`)
    broker.reload(settings)
    note('read the configuration again: principals, certificates and the limits of the NATS port are as it says; the rest takes a restart')
  } catch (error) {
    note(`the configuration was not read again: ${explain(error).message}`)
  }
}

/** True where a terminal's end is told by SIGHUP; a service, and what runs in the background, has none. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
