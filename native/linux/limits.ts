// Limits of this process and what it starts: memory, processes, files, processor. Soft and hard alike, so that they stay, or near each other.

import { writeFileSync } from 'node:fs'
import { byProcessor, libc, words64 } from './libc.ts'

/** asm-generic/resource.h */
const resources = { cpuSeconds: 0, fileBytes: 1, dataBytes: 2, stackBytes: 3, coreBytes: 4, processes: 6, openFiles: 7 } as const

export type Resource = keyof typeof resources

const PRIO_PROCESS = 0
const UINT64_MAX = 0xffff_ffff_ffff_ffffn

/**
 * `dataBytes` counts what a process may write and no other has: not address space that a runtime merely reserves.
 * Never raises: a limit that is lower already stays. `hardMore`: by how much the hard one lies above. @throws Error with the call that the kernel refused
 */
export function setLimit(resource: Resource, limit: number, hardMore = 0): void {
  const old = new Uint8Array(16)
  prlimit(resource, null, old)
  const hard = new DataView(old.buffer).getBigUint64(8, true)
  const atMost = (wanted: number): bigint => (hard !== UINT64_MAX && hard < BigInt(wanted) ? hard : BigInt(wanted))
  prlimit(resource, words64(atMost(limit), atMost(limit + hardMore)), null)
}

function prlimit(resource: Resource, value: Uint8Array | null, old: Uint8Array | null): void {
  libc().call(`prlimit ${resource}`, byProcessor(302, 261), 0, resources[resource], value, old)
}

/** Leaves the calling thread, and what it starts, the first `count` of the processors that it may use. Gives how many those are. */
export function useProcessors(count: number): number {
  const mask = new Uint8Array(1024)
  const length = libc().call('sched_getaffinity', byProcessor(204, 123), 0, mask.length, mask)
  let left = count
  for (let bit = 0; bit < length * 8; bit++) {
    const [byte, flag] = [bit >> 3, 1 << (bit & 7)]
    if ((mask[byte]! & flag) === 0) continue
    if (left-- <= 0) mask[byte]! &= ~flag
  }
  libc().call('sched_setaffinity', byProcessor(203, 122), 0, length, mask)
  return count - Math.max(0, left)
}

/** Lets others go first: 0 as everybody, 19 last. */
export function setNiceness(niceness: number): void {
  try {
    // Where sessions are weighed against each other first (sched_autogroup_enabled), this is what counts between agents.
    writeFileSync('/proc/self/autogroup', String(niceness))
  } catch {
    // A kernel without them.
  }
  libc().call('setpriority', byProcessor(141, 140), PRIO_PROCESS, 0, niceness)
}
