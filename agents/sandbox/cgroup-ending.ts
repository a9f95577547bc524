// Ends whoever is in a control group or below it, and removes both. Knows neither agents nor limits.

import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Processes that were killed go within milliseconds, and the group with the last of them. Five seconds in all. */
const LOOKS = 500
const LOOK_MS = 10
/** Where this process itself was held up, so are those that shall end: such a look counts for little. */
const LATE_LOOK = 0.1

/** Within one look, who was forked meanwhile is looked for again; not for ever, as the broker waits. */
const MAX_PASSES = 4

/** Kills everybody in the group and in those below it, and removes them; false when it is still there. */
export async function removeGroup(directory: string): Promise<boolean> {
  for (let looks = LOOKS; looks > 0;) {
    if (removedNow(directory)) return true
    const beganMs = performance.now()
    await setTimeout(LOOK_MS)
    looks -= performance.now() - beganMs < 2 * LOOK_MS ? 1 : LATE_LOOK
  }
  return !existsSync(directory)
}

function groupsIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => join(directory, entry.name))
  } catch {
    return []
  }
}

// Those below first: a group that has any cannot be removed.
function removedNow(directory: string): boolean {
  for (const below of groupsIn(directory)) removedNow(below)
  killAll(directory)
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function killAll(directory: string): void {
  // Nobody new comes, and those who are to end need not wait for their share of a processor.
  for (const [file, value] of [['pids.max', '0'], ['cpu.max', 'max'], ['cpu.cfs_quota_us', '-1']] as const) write(join(directory, file), value)
  // Linux 5.14, version 2: whoever forks meanwhile is killed too.
  if (write(join(directory, 'cgroup.kill'), '1')) return
  const killed = new Set<number>()
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const found = membersOf(directory).filter(pid => !killed.has(pid))
    if (found.length === 0) return
    for (const pid of found) {
      killed.add(pid)
      kill(pid)
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile; the others are still there.
  }
}

function membersOf(directory: string): number[] {
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').map(Number).filter(pid => pid > 0)
  } catch {
    return []
  }
}

// Makes no file: one that is missing is of another version or controller.
function write(path: string, text: string): boolean {
  try {
    const fd = openSync(path, constants.O_WRONLY)
    try {
      writeSync(fd, text)
    } finally {
      closeSync(fd)
    }
    return true
  } catch {
    return false
  }
}
