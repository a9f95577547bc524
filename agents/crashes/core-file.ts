// Finds the core file that a process left, where the kernel writes one under a name that can be foretold. Reads none.

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** Signals whose default is to write one: signal(7). */
const CORE_SIGNALS = new Set(['SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGXCPU', 'SIGXFSZ', 'SIGSYS'])

/** File systems take the time of the last tick of the kernel. */
const COARSE_MS = 20

/** How the kernel names core files; see core(5). */
interface CoreNaming {
  /** /proc/sys/kernel/core_pattern */
  readonly pattern: string
  /** /proc/sys/kernel/core_uses_pid */
  readonly usesPid: boolean
}

/** undefined where the system does not say. */
function coreNaming(): CoreNaming | undefined {
  try {
    return { pattern: readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim(), usesPid: readFileSync('/proc/sys/kernel/core_uses_pid', 'utf8').trim() !== '0' }
  } catch {
    return undefined
  }
}

/**
 * Absolute path of its core file; false: it left none; undefined: nobody knows, as a program takes core files here or the name has
 * something in it that is not known any more.
 * @param directory in which it ran
 * @param sinceMs before it was started: an older file is another's. ms since the epoch
 */
export function coreFile(signal: string | undefined, pid: number, directory: string, sinceMs: number, naming: CoreNaming | undefined = coreNaming()): string | false | undefined {
  if (signal === undefined || !CORE_SIGNALS.has(signal)) return false
  if (naming === undefined || naming.pattern.startsWith('|')) return undefined
  if (naming.pattern === '') return false
  const hasPid = naming.pattern.includes('%p')
  let isKnown = true
  const name = naming.pattern.replace(/%(.)/g, (_, letter: string) => {
    if (letter === '%') return '%'
    if (letter === 'p') return String(pid)
    isKnown = false
    return ''
  })
  if (!isKnown) return undefined
  const path = resolve(directory, naming.usesPid && !hasPid ? `${name}.${pid}` : name)
  try {
    const file = statSync(path, { throwIfNoEntry: false })
    return file !== undefined && file.mtimeMs >= sinceMs - COARSE_MS ? path : false
  } catch {
    // A directory of the agent's user that is closed to the broker, or something that is none.
    return undefined
  }
}
