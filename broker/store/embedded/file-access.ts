// Which of a store's files this user cannot work with: SQLite says that it could not, but not with what.

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatMode } from '../../ground/home.ts'
import { databaseName, holderName, lockName, markName, reserveName } from './store-files.ts'

const names = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, markName, reserveName, lockName, holderName] as const

/** The first one in words, with what to do; undefined: all that is there can be read and written. */
export function accessProblem(directory: string): string | undefined {
  const paths = [directory, ...names.map((name) => join(directory, name))].filter((path) => existsSync(path))
  for (const path of paths) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK | (path === directory ? constants.X_OK : 0))
    } catch (error) {
      if ((error as { code?: string }).code === 'EROFS') return `${path} is on a file system that is mounted read-only; mount it for writing`
      const { mode, uid } = statSync(path)
      return `${path} cannot be read and written by this user (mode ${formatMode(mode)}, owner ${uid}); chmod or chown it`
    }
  }
  return undefined
}
