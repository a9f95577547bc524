// Checks what the machine gives: the Node version, open files, disk space.

import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Context } from '../context.ts'
import { formatBytes, formatCount } from '../format.ts'
import type { Finding } from './finding.ts'

const NEEDED_NODE = 24
// A thousand connections, and room for the store, logs and agents.
const FEW_FILES = 4096
const LITTLE_DISK_BYTES = 512 * 1024 * 1024
const NO_DISK_BYTES = 16 * 1024 * 1024

export function* checkMachine(context: Context): Generator<Finding> {
  yield nodeVersion(process.versions.node)
  const files = openFileLimit(process.platform === 'linux' ? readFileSync('/proc/self/limits', 'utf8') : '')
  if (files !== undefined) yield openFiles(files)
  yield diskSpace(freeBytes(context.paths.home))
}

/** Judges a version such as `24.21.0`. */
export function nodeVersion(version: string): Finding {
  return Number.parseInt(version, 10) >= NEEDED_NODE
    ? { check: 'node', state: 'ok', text: `Node ${version}` }
    : { check: 'node', state: 'fail', text: `Node ${version} is too old`, remedy: `install Node ${NEEDED_NODE} or newer` }
}

/** Files a process may have open, from the text of /proc/PID/limits; Infinity for `unlimited`, undefined when it does not say. */
export function openFileLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** Judges how many files may be open; every connection takes one. */
export function openFiles(limit: number): Finding {
  const text = `${limit === Infinity ? 'any number of' : formatCount(limit)} open files allowed`
  return limit >= FEW_FILES ? { check: 'files', state: 'ok', text } : { check: 'files', state: 'warn', text: `${text}, one per connection`, remedy: 'raise it before the start: ulimit -n 65536' }
}

/** Judges the free bytes of the file system that holds the home. */
export function diskSpace(free: number): Finding {
  const text = `${formatBytes(free)} free for the home`
  if (free >= LITTLE_DISK_BYTES) return { check: 'disk', state: 'ok', text }
  return { check: 'disk', state: free >= NO_DISK_BYTES ? 'warn' : 'fail', text, remedy: 'free some space, or move the home with CALLBOARD_HOME' }
}

// The home may not exist yet: then what holds the nearest directory above it counts.
function freeBytes(path: string): number {
  if (!existsSync(path) && dirname(path) !== path) return freeBytes(dirname(path))
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}
