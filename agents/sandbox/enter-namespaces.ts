// Makes the world inside of the namespaces that this process was started in: its root, and its loopback.

import { readlinkSync } from 'node:fs'
import { landlockAbi } from '../../native/linux/landlock.ts'
import { raiseLoopback } from '../../native/linux/loopback.ts'
import { enterOwnRoot } from '../../native/linux/mounts.ts'
import type { SandboxPlan } from './plan.ts'
import { devices, readOnlyDevices } from './system-files.ts'

/** Of every isolated agent alone, in memory. */
const TEMPORARY = '/tmp'
const TEMPORARY_BYTES = 64 * 1024 * 1024

/** Gives the names of the namespaces that are the agent's own. @throws Error when one is not */
export function enterNamespaces(plan: SandboxPlan): string {
  const { enclosure, launch, settings, hostNamespaces } = plan
  if (enclosure.kind === 'none') throw new Error(`${enclosure.problem}; install bubblewrap, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)`)
  if (enclosure.kind === 'unshare') {
    if (settings.network === 'loopback') raiseLoopback()
    enterOwnRoot({ shown: shownPaths(plan).map(([path, isWritable]) => ({ path, isWritable })), emptyDirectories: [launch.directory], devices: [...devices, ...readOnlyDevices], temporaryBytes: TEMPORARY_BYTES })
  }
  const own = Object.entries(hostNamespaces).filter(([name, host]) => readlinkSync(`/proc/self/ns/${name}`) !== host).map(([name]) => name)
  const shared = ['user', 'mnt', 'pid', 'ipc', 'uts'].filter(name => !own.includes(name))
  if (shared.length > 0) throw new Error(`${shared.join(', ')} shared with the broker`)
  return `${own.join(' ')} by ${enclosure.kind}`
}

/**
 * The directory for temporary files that an isolated agent may write. None when anything else that it is shown lies below it, such as the
 * broker's home: what Landlock allows for a directory it allows for all that is mounted below.
 */
export function ownTemporary(plan: SandboxPlan): string | undefined {
  return shownPaths(plan).some(([path]) => path === TEMPORARY || path.startsWith(`${TEMPORARY}/`)) ? undefined : TEMPORARY
}

/** The files of the system that an isolated agent has at all. */
export function shownPaths({ read, write, socketDirectory, launch }: SandboxPlan): (readonly [path: string, isWritable: boolean])[] {
  // Landlock keeps the rest of the broker's home from being read; without it the socket is all that is shown.
  const socket = landlockAbi() > 0 ? socketDirectory : launch.environment['CALLBOARD_SOCKET']!
  return [...read.map(path => [path, false] as const), [socket, false], ...write.map(path => [path, true] as const)]
}
