// A disk of a few MiB, for tests that fill it or turn it read-only. Root may mount one; others skip by name.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

export interface SmallDisk {
  readonly path: string
  /** Takes all space but so much. */
  fill(leaveBytes: number): void
  empty(): void
  /** False: somebody has a file open for writing, and the system refuses. */
  setReadOnly(isReadOnly: boolean): boolean
}

let may: boolean | undefined

/** Whether this user may mount. */
export function mayMount(): boolean {
  return (may ??= tryMount())
}

function tryMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const path = `/tmp/cb-mount-${process.pid}`
  mkdirSync(path)
  const isMounted = mount('-t', 'tmpfs', '-o', 'size=64k', 'none', path)
  if (isMounted) spawnSync('umount', [path])
  rmSync(path, { recursive: true })
  return isMounted
}

/** Gone when the test ends. */
export function smallDisk(t: Teardown, bytes: number): SmallDisk {
  const path = join(temporaryDirectory(t), 'disk')
  mkdirSync(path)
  if (!mount('-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'none', path)) throw new Error(`nothing could be mounted at ${path}`)
  t.teardown(() => void spawnSync('umount', ['--lazy', path]))
  const filler = join(path, 'filler')
  return {
    path,
    fill(leaveBytes) {
      const { bavail, bsize } = statfsSync(path)
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes), 1))
    },
    empty: () => rmSync(filler, { force: true }),
    setReadOnly: isReadOnly => mount('-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, path),
  }
}

function mount(...words: string[]): boolean {
  return spawnSync('mount', words).status === 0
}
