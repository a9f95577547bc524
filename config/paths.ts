// Paths as a configuration writes them. Touches no file.

import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The absolute path: `~/` is the user's home, relative paths start at `directory`. */
export function resolvePath(written: string, directory: string): string {
  return written.startsWith('~/') ? join(homedir(), written.slice(2)) : resolve(directory, written)
}

/** A command: `~/` is the user's home, anything else stays, to be looked up where and when it runs. */
export function resolveCommand(written: string): string {
  return written.startsWith('~/') ? join(homedir(), written.slice(2)) : written
}
