// Measures what idle authenticated connections cost a server in resident memory.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { holdLoad, type HeldLoad } from './load/process.ts'
import { residentBytes } from './measure/cpu.ts'
import type { BenchServer } from './server/server.ts'

export interface IdleOutcome {
  readonly connections: number
  readonly bytesPerConnection: number
  readonly problems: readonly string[]
}

/** Files that a process has open beside its connections, with room to spare. */
const OWN_FILES = 256

/**
 * Opens `connections`, leaves them alone for `idleMs` and takes the growth of the server's resident memory. Several load
 * processes share the work where one may not have so many files open.
 * @throws Error when the server itself may not have so many files open
 */
export async function measureIdle(server: BenchServer, connections: number, idleMs: number): Promise<IdleOutcome> {
  const perProcess = maxOpenFiles() - OWN_FILES
  if (perProcess < connections) throw new Error(`${connections} connections need ${connections + OWN_FILES} open files in the server; run the bench under: prlimit --nofile=${connections + OWN_FILES}`)
  const before = residentBytes(server.target.pid)
  const loads: HeldLoad[] = []
  try {
    for (let opened = 0; opened < connections; opened += perProcess) {
      loads.push(await holdLoad({ kind: 'idle', target: server.target, connections: Math.min(perProcess, connections - opened) }))
    }
    await sleep(idleMs)
    const after = residentBytes(server.target.pid)
    return { connections, bytesPerConnection: (after - before) / connections, problems: loads.flatMap(load => load.problems()) }
  } finally {
    await Promise.all(loads.map(load => load.release()))
  }
}

// Node raises the soft limit to the hard one at its start, so the soft one is what there is.
function maxOpenFiles(): number {
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return limit === 'unlimited' ? Infinity : Number(limit)
}
