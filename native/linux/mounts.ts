// A root directory that holds what is named and nothing else, in a mount namespace of one's own. Knows no agents.

import { closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { byProcessor, cString, libc, words64 } from './libc.ts'

export interface RootPlan {
  /** Shown as they are, read only or not; what does not exist is left out. */
  readonly shown: readonly { readonly path: string; readonly isWritable: boolean }[]
  /** Made when nothing above shows them. */
  readonly emptyDirectories: readonly string[]
  readonly devices: readonly string[]
  /** Size of /tmp, which is in memory. bytes */
  readonly temporaryBytes: number
}

// linux/mount.h
const MS_NOSUID = 2
const MS_NODEV = 4
const MS_NOEXEC = 8
const MS_BIND = 4096
const MS_REC = 16_384
const MS_PRIVATE = 1 << 18
const MNT_DETACH = 2
const MOUNT_SETATTR = 442
const AT_FDCWD = -100
const AT_RECURSIVE = 0x8000
const MOUNT_ATTR_RDONLY = 1
const MOUNT_ATTR_NOSUID = 2
const MOUNT_ATTR_NODEV = 4

// Where the new tree is put together: everything else may be shown, so the old root moves away first (as bubblewrap does it).
const WORKSHOP = '/tmp'

/**
 * Replaces the root of this process. Needs a user, a mount and a pid namespace of its own, with all rights there.
 * @throws Error with the call that the kernel refused
 */
export function enterOwnRoot(plan: RootPlan): void {
  // Followed now: links are absolute as a rule, and lead elsewhere once the root is another.
  const sources = new Map([...plan.shown.map(({ path }) => path), ...plan.devices].map(path => [path, realPath(path)]))
  const show = (path: string, isWritable: boolean, attributes?: number): void => bind(sources.get(path), path, isWritable, attributes)
  mount('none', '/', null, MS_REC | MS_PRIVATE, null)
  mount('tmpfs', WORKSHOP, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=0755,size=1m')
  for (const name of ['old', 'new']) mkdirSync(join(WORKSHOP, name))
  pivotRoot(WORKSHOP, join(WORKSHOP, 'old'))
  process.chdir('/')
  mount('tmpfs', '/new', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=0755,size=4m')
  const outermostFirst = plan.shown.toSorted((a, b) => a.path.length - b.path.length)
  for (const { path, isWritable } of outermostFirst) if (!path.startsWith('/tmp/')) show(path, isWritable)
  for (const path of ['/tmp', '/dev', '/proc']) mkdirSync(join('/new', path), { recursive: true })
  mount('tmpfs', '/new/tmp', 'tmpfs', MS_NOSUID | MS_NODEV, `mode=1777,size=${plan.temporaryBytes}`)
  // What is shown below /tmp comes on top of the new one.
  for (const { path, isWritable } of outermostFirst) if (path.startsWith('/tmp/')) show(path, isWritable)
  for (const path of plan.devices) show(path, true, 0)
  for (const [name, target] of [['fd', '/proc/self/fd'], ['stdin', 'fd/0'], ['stdout', 'fd/1'], ['stderr', 'fd/2']]) symlinkSync(target!, join('/new/dev', name!))
  mount('proc', '/new/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, null)
  for (const path of plan.emptyDirectories) mkdirSync(join('/new', path), { recursive: true })
  unmount('/old')
  process.chdir('/new')
  pivotRoot('.', '.')
  unmount('.')
  process.chdir('/')
}

function bind(real: string | undefined, path: string, isWritable: boolean, attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV): void {
  if (real === undefined) return
  const [source, target] = [join('/old', real), join('/new', path)]
  if (!existsSync(target)) {
    mkdirSync(statSync(source).isDirectory() ? target : dirname(target), { recursive: true })
    if (!statSync(source).isDirectory()) closeSync(openSync(target, 'a'))
  }
  mount(source, target, null, MS_BIND | MS_REC, null)
  // Not a remount: that must repeat flags which the namespace above has locked, and this only adds.
  const added = attributes | (isWritable ? 0 : MOUNT_ATTR_RDONLY)
  if (added !== 0) libc().call(`mount_setattr ${path}`, MOUNT_SETATTR, AT_FDCWD, cString(target), AT_RECURSIVE, words64(added, 0, 0, 0), 32)
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function mount(source: string, target: string, type: string | null, flags: number, data: string | null): void {
  libc().call(`mount ${target}`, byProcessor(165, 40), cString(source), cString(target), type === null ? null : cString(type), flags, data === null ? null : cString(data))
}

function unmount(target: string): void {
  libc().call(`umount ${target}`, byProcessor(166, 39), cString(target), MNT_DETACH)
}

function pivotRoot(root: string, old: string): void {
  libc().call(`pivot_root ${root}`, byProcessor(155, 41), cString(root), cString(old))
}
