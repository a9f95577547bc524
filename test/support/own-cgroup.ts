// Control groups of one test's own, in every hierarchy: a systemd that runs in them takes them for the whole machine's, and leaves everybody else where he is.

import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { hierarchies } from '../../agents/sandbox/cgroup-mounts.ts'
import type { Teardown } from './temporary-directory.ts'

/** The directories of a new group below this process's own; removed when the test ends, when nobody is in them any more. Empty where none may be made. */
export function ownCgroup(t: Teardown): string[] {
  const name = `callboard-test-${process.pid}-${Date.now()}`
  const places = hierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'))
  const made = places.map(({ own }) => join(own, name)).filter(directory => attempt(() => mkdirSync(directory)))
  t.teardown(() => made.forEach(remove))
  return made
}

function remove(directory: string): void {
  attempt(() => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) remove(join(directory, entry.name))
    rmdirSync(directory)
  })
}

function attempt(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
