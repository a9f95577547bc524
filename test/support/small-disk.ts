// A disk of a few MiB, for tests that fill it or turn it read-only. Root may mount one; others skip by name.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

export interface SmallDisk {
  readonly path: string
  /** Takes all space but so much; again takes what has become free. */
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
  const path = mkdtempSync(join(tmpdir(), 'cb-mount-'))
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
      // In pieces: others write meanwhile, and a piece that does not fit wholly fits in part.
      const piece = Buffer.alloc(64 * 1024, 1)
      const file = openSync(filler, 'a')
      try {
        for (let left = freeBytes(path) - leaveBytes; left > 0; left = freeBytes(path) - leaveBytes) writeSync(file, piece, 0, Math.min(left, piece.length))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    empty: () => rmSync(filler, { force: true }),
    setReadOnly: isReadOnly => mount('-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, path),
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function mount(...words: string[]): boolean {
  return spawnSync('mount', words).status === 0
}
