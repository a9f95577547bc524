// A process group: an agent and all that it started. Sends signals and looks who is left; owns no process.

import { readdirSync, readFileSync } from 'node:fs'

/** Sends a signal to every process of the group; false when there is none. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch {
    return false
  }
}

/**
 * The processes of the group that run; where the system has no /proc its first one stands for them all. Zombies do not count: in
 * a container without an init process nobody collects them, and `kill` finds them for ever.
 * Reads all of /proc unless the group is empty: not for hot paths.
 */
export function groupMembers(group: number): number[] {
  if (!signalGroup(group, 0)) return []
  if (process.platform !== 'linux') return [group]
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => isRunningMember(pid, group))
}

/** The process group of `pid`; undefined when there is no such process or the system has no /proc. */
export function groupOf(pid: number): number | undefined {
  const fields = statFields(pid)
  return fields === undefined ? undefined : Number(fields[GROUP])
}

// Fields of /proc/PID/stat counted from the state, which follows the last parenthesis of the name (proc(5): fields 3 and 5).
const STATE = 0
const GROUP = 2

function isRunningMember(pid: number, group: number): boolean {
  const fields = statFields(pid)
  return fields !== undefined && Number(fields[GROUP]) === group && fields[STATE] !== 'Z' && fields[STATE] !== 'X'
}

function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    // It ended between the listing and the read.
    return undefined
  }
}
