// How much memory this process has, and how much another one, as the system says.

import { readFileSync } from 'node:fs'

const BYTES_PER_KIB = 1024

/** Resident memory of a process; undefined when it is gone, or where the system does not tell. bytes */
export function residentBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? undefined : Number(kibibytes) * BYTES_PER_KIB
  } catch {
    return undefined
  }
}

let last: NodeJS.MemoryUsage | undefined

/** What this process takes; while the system cannot tell, for which it needs a file descriptor, what it took before. */
export function ownMemory(): NodeJS.MemoryUsage {
  try {
    return (last = process.memoryUsage())
  } catch (error) {
    if (last === undefined) throw error
    return last
  }
}
