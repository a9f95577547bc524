// The command line that starts a launcher, within its enclosure.

import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { koffiFolder } from '../../native/linux/libc.ts'
import { enclosing } from './enclosure.ts'
import { shownPaths } from './enter-namespaces.ts'
import type { SandboxPlan } from './plan.ts'

// In a checkout the sources run as they are; a package holds what was built of them.
const program = (name: string): string => [`${name}.ts`, `${name}.js`].map(file => join(import.meta.dirname, file)).find(path => existsSync(path))!
const launcher = program('launcher')
const becomeUser = program('become-user')

// It lives for 100 ms and computes nothing: no threads for a compiler, no inspector.
const NODE_FLAGS = ['--v8-pool-size=0', '--disable-sigusr1', '--max-lazy']

export function launcherCommand(plan: SandboxPlan): readonly [command: string, ...args: string[]] {
  const own = [process.execPath, ...NODE_FLAGS, launcher]
  const { user } = plan.launch
  // Outside of all, as no other user is known in a user namespace.
  const before = user === undefined ? [] : [process.execPath, ...NODE_FLAGS, '--no-warnings', becomeUser, user.name ?? '', String(user.uid), String(user.gid), String(1 + (plan.cgroup?.joins ?? 0))]
  // Landlock lets the agent read of these only what it may read anyway.
  const shown = plan.enclosure.kind === 'bubblewrap' ? [...shownPaths(plan), ...ownFiles().map(path => [path, false] as const)] : []
  return [...before, ...enclosing(plan.enclosure.kind, plan.settings.network, shown, plan.launch.directory), ...own] as [string, ...string[]]
}

function ownFiles(): string[] {
  const root = join(import.meta.dirname, '../..')
  return [...new Set([process.execPath, root, koffiFolder()].flatMap(path => [path, realpathSync(path)]))]
}
