// Finds servers that are installed beside us.

import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'

/** Debian installs daemons where a user's PATH does not look. */
export const daemonEnv: NodeJS.ProcessEnv = { ...process.env, PATH: [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter) }

/** First line of what `command` prints with `args`; undefined when it is not there or fails. */
export function firstLine(command: string, args: readonly string[]): string | undefined {
  const found = spawnSync(command, args, { env: daemonEnv, encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim().split('\n')[0] : undefined
}
