// Tells a process from another one that got the same pid later.

import { readFileSync } from 'node:fs'

// Fields of /proc/PID/stat counted from the state, which follows the last parenthesis of the name (proc(5): fields 3 and 22).
const STATE = 0
const START_TICKS = 19

/**
 * Something that no other process with this pid ever has: the boot's id and the process's start in clock ticks since
 * then. Empty text where the system has no /proc; undefined when no such process runs. A zombie does not run: in a
 * container without an init process nobody collects it, and it holds nothing.
 */
export function processStamp(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  if (process.platform !== 'linux') return isAlive(pid) ? '' : undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[STATE] === 'Z' || fields[STATE] === 'X' ? undefined : `${bootId()}/${fields[START_TICKS]}`
  } catch {
    // Gone between the open and the read, or never there.
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, under another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

let boot: string | undefined

function bootId(): string {
  return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
}
