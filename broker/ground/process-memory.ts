// How much memory another process has, as /proc says.

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
