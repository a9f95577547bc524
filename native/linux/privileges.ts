// Gives up what a process could use to regain what is taken from it: setuid programs and capabilities. For good.

import { readFileSync } from 'node:fs'
import { byProcessor, libc } from './libc.ts'

const PR_CAPBSET_DROP = 24
const PR_SET_NO_NEW_PRIVS = 38
const PR_CAP_AMBIENT = 47
const PR_CAP_AMBIENT_CLEAR_ALL = 4
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522
const HIGHEST_CAPABILITY = 63

function prctl(option: number, ...words: readonly number[]): number {
  return libc().call('prctl', byProcessor(157, 167), option, ...words)
}

/** @throws Error with the call that the kernel refused */
export function setNoNewPrivileges(): void {
  prctl(PR_SET_NO_NEW_PRIVS, 1)
}

/** Needs no_new_privs, without which a program of root would have them back when it is executed. @throws Error likewise */
export function dropCapabilities(): void {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
  if (heldCapabilities('CapPrm') !== 0n) {
    for (let capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
      try {
        prctl(PR_CAPBSET_DROP, capability)
      } catch {
        // Past the last one that this kernel knows, or not ours to drop: the sets below count.
      }
    }
  }
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0])
  libc().call('capset', byProcessor(126, 91), new Uint8Array(header.buffer), new Uint8Array(2 * 3 * Uint32Array.BYTES_PER_ELEMENT))
}

/** A set of capabilities of this thread, as /proc names it. */
export function heldCapabilities(set: 'CapPrm' | 'CapEff'): bigint {
  const found = new RegExp(`^${set}:\\s+([0-9a-f]+)$`, 'm').exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1]
  return BigInt(`0x${found ?? '0'}`)
}
