// Remembers how the broker of a home was started, for `callboard restart` and `callboard doctor`.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCode, type HomePaths } from '../broker/ground/home.ts'

interface StartRecord {
  /** Absolute path of the configuration that was named on the command line; undefined when none was. */
  readonly config: string | undefined
}

/** Written by the broker that holds the home, and by nobody else. */
export function writeStartRecord(paths: HomePaths, record: StartRecord): void {
  const draft = `${pathOf(paths)}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  renameSync(draft, pathOf(paths))
}

/** How the home's latest broker was started; as if by plain `callboard start` when there was none. */
export function readStartRecord(paths: HomePaths): StartRecord {
  try {
    const record = JSON.parse(readFileSync(pathOf(paths), 'utf8')) as { config?: unknown }
    return { config: typeof record.config === 'string' ? record.config : undefined }
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR') || error instanceof SyntaxError) return { config: undefined }
    throw error
  }
}

function pathOf(paths: HomePaths): string {
  return join(paths.home, 'start.json')
}
