// Remembers how the broker of a home was started, for `callboard restart` and `callboard doctor`.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCode, writingHome, type HomePaths } from '../broker/ground/home.ts'

/** What `callboard start --watchdog` was told of the watchdog. */
export interface WatchdogWishes {
  /** Longest silence of the broker. ms, 0: any */
  readonly watchdogHang: number
  /** Most deaths within a minute. */
  readonly watchdogDeaths: number
}

interface StartRecord {
  /** Absolute path of the configuration that was named on the command line; undefined when none was. */
  readonly config: string | undefined
  /** Its watchdog; undefined: it had none. */
  readonly watchdog?: WatchdogWishes | undefined
  /** systemd has started it. */
  readonly isService?: boolean
}

/** Written by the broker that holds the home, and by nobody else. */
export function writeStartRecord(paths: HomePaths, record: StartRecord): void {
  const draft = `${pathOf(paths)}.${process.pid}`
  writingHome(paths, pathOf(paths), () => {
    writeFileSync(draft, `${JSON.stringify(record)}\n`, { mode: 0o600 })
    renameSync(draft, pathOf(paths))
  })
}

/** How the home's latest broker was started; as if by plain `callboard start` when there was none. */
export function readStartRecord(paths: HomePaths): StartRecord {
  try {
    const { config, watchdog, isService } = JSON.parse(readFileSync(pathOf(paths), 'utf8')) as { config?: unknown; watchdog?: Partial<WatchdogWishes>; isService?: unknown }
    const isWatched = typeof watchdog?.watchdogHang === 'number' && typeof watchdog.watchdogDeaths === 'number'
    return { config: typeof config === 'string' ? config : undefined, ...(isWatched && { watchdog: watchdog as WatchdogWishes }), ...(isService === true && { isService }) }
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR') || error instanceof SyntaxError) return { config: undefined }
    throw error
  }
}

function pathOf(paths: HomePaths): string {
  return join(paths.home, 'start.json')
}
