// Installs a filter of system calls. What it holds is made elsewhere.

import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { byProcessor, libc, words64 } from './libc.ts'

const SET_MODE_FILTER = 1

/**
 * Puts the calling thread, and what it starts, under the program for good. Needs no_new_privs.
 * @param program instructions of classic BPF, 8 bytes each (linux/filter.h: sock_filter)
 * @throws Error with the call that the kernel refused
 */
export function installFilter(program: Uint8Array): void {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  // struct sock_fprog: a 16-bit count, padding, and the address of the program.
  const header = words64(program.length / 8, koffi.address(program))
  libc().call('seccomp', byProcessor(317, 277), SET_MODE_FILTER, 0, header)
}
