// Makes a group of version 2 whose sub-groups have controllers. A group that has processes cannot give controllers to those below it, so a broker that
// is given a group for itself alone moves into one below.
//
//   callboard.service            memory pids cpu for all below
//    ├─ callboard-broker         the broker
//    └─ callboard-<hash>         memory pids cpu for all below
//        └─ agent-1 …

import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The group below its service into which a broker moves. */
export const BROKER = 'callboard-broker'

/**
 * @param root of the hierarchy
 * @param own the group of this process
 * @returns the group `name`, and which of `wanted` its sub-groups have
 * @throws Error when it cannot be made
 */
export function delegatedGroup<C extends string>(root: string, own: string, name: string, wanted: readonly C[]): { readonly directory: string; readonly enabled: readonly C[] } {
  const above = placeFor(root, own)
  const directory = join(above, name)
  const given = enable(above, wanted)
  mkdirSync(directory, { recursive: true })
  return { directory, enabled: enable(directory, given) }
}

function placeFor(root: string, own: string): string {
  // A broker that was replaced by another program of the same process, or one that follows it in the same service.
  if (own.endsWith(`/${BROKER}`)) return own.slice(0, -BROKER.length - 1)
  // The kernel's own root alone may have processes beside sub-groups with controllers; a container's is none, though it is all that is seen there.
  if (!existsSync(join(own, 'cgroup.type'))) return own
  const processes = readFileSync(join(own, 'cgroup.procs'), 'utf8').split('\n').map(Number).filter(pid => pid !== 0)
  if (!processes.every(isOurs)) {
    // A session, with a shell in it: that is not the broker's to rearrange.
    if (existsSync(join(root, 'cgroup.type'))) throw new Error(`${own} has other processes`)
    return root
  }
  const leaf = join(own, BROKER)
  mkdirSync(leaf, { recursive: true })
  for (const pid of processes) writeFileSync(join(leaf, 'cgroup.procs'), String(pid))
  return own
}

// The broker, and who watches over it: a Node as well, and no shell that somebody sits at.
function isOurs(pid: number): boolean {
  return pid === process.pid || (pid === process.ppid && programOf(pid) === programOf(process.pid))
}

function programOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/exe`)
}

/** Which of them the sub-groups of `directory` have now. */
function enable<C extends string>(directory: string, wanted: readonly C[]): C[] {
  const file = join(directory, 'cgroup.subtree_control')
  for (const controller of wanted) {
    try {
      writeFileSync(file, `+${controller}`)
    } catch {
      // Not delegated; others may be.
    }
  }
  const enabled = readFileSync(file, 'utf8').trim().split(/\s+/)
  return wanted.filter(controller => enabled.includes(controller))
}
