// What a process has used so far, from Linux's /proc.

import { readFileSync } from 'node:fs'

// USER_HZ: what the kernel counts in for /proc on every architecture that Node runs on.
const TICKS_PER_SECOND = 100
const BYTES_PER_KIB = 1024

/**
 * CPU seconds of all threads of a process so far: utime + stime, in steps of 10 ms.
 * @throws Error when there is no such process
 */
export function cpuSeconds(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

/** The same from the text of /proc/PID/stat. proc(5): utime and stime are fields 14 and 15; field 2 may hold blanks and brackets. */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/**
 * Resident memory of a process. bytes
 * @throws Error when there is no such process
 */
export function residentBytes(pid: number): number {
  return parseResidentBytes(readFileSync(`/proc/${pid}/status`, 'latin1'))
}

/** The same from the text of /proc/PID/status; 0 for a process that is about to vanish. */
export function parseResidentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * BYTES_PER_KIB
}

/**
 * The most that was resident since the process began. bytes
 * @throws Error when there is no such process
 */
export function peakResidentBytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * BYTES_PER_KIB
}
