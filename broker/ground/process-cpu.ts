// How much processor time a process has used, as the system says.

import { readFileSync } from 'node:fs'

/** proc(5) counts in these; it is 100 a second on every Linux that Node runs on. */
const TICK_MS = 10
/** Fields 14 to 17 of /proc/PID/stat, counted from the state, which follows the last parenthesis of the name. */
const FIRST_TIME = 11
const LAST_TIME = 14

/** User and system time of a process with the children that it has waited for; undefined when it is gone, or where the system does not tell. ms */
export function processCpuMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.slice(FIRST_TIME, LAST_TIME + 1).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS
  } catch {
    return undefined
  }
}
