// The clock on the wall of another process, set forward and back while it runs: by libfaketime, which stands between it and the system.
// Its monotonic clock, and its timers, go on as they are.

import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

/** Where Debian has it, by architecture, and where it is installed from its sources. */
const folders = ['/usr/lib', '/usr/local/lib', '/usr/lib64']
const library = findLibrary()

function findLibrary(): string | undefined {
  const places = folders.filter(folder => existsSync(folder)).flatMap(folder => [folder, ...readdirSync(folder).map(name => join(folder, name))])
  return places.map(place => join(place, 'faketime', 'libfaketime.so.1')).find(path => existsSync(path))
}

/** Declares a story in which clocks are set; no other one of its file runs beside it. Where CI=true the library must be there. */
export function clockStory(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (library !== undefined || process.env['CI'] === 'true') test.serial(title, run)
  else test.skip(`${title} (left out: libfaketime is not installed)`, run)
}

interface WallClock {
  /** For the process whose clock it is. */
  readonly env: Readonly<Record<string, string>>
  /** How far it is from the true time; the process notices within a second. ms */
  set(offsetMs: number): void
}

export function wallClock(t: Teardown): WallClock {
  if (library === undefined) throw new Error('libfaketime is not installed: apt-get install faketime')
  const file = join(temporaryDirectory(t), 'clock')
  const set = (offsetMs: number): void => {
    writeFileSync(`${file}.new`, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1000}\n`)
    renameSync(`${file}.new`, file)
  }
  set(0)
  return { env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }, set }
}
