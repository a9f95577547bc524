// The files of a store, and how all of them are replaced at once, whatever happens in between. Knows no rows.
//
// A repair or a restore makes its files in a directory of its own, then:  swap.json is written ─▶ old files move to `aside` ─▶ the mark, and
// last of all the database, move in ─▶ swap.json is removed.  Each step can be taken again, and is, before the store is opened.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from './backup-file.ts'
import { peekMark } from './commit-mark.ts'

export const databaseName = 'queues.db'
export const markName = 'queues.mark'
export const reserveName = 'queues.reserve'
export const lockName = 'queues.lock'
/** Who has the lock. */
export const holderName = 'queues.pid'
const SWAP = 'swap.json'

interface Swap {
  /** Names within the store's directory. */
  readonly from: string
  readonly aside: string
  readonly names: readonly string[]
}

/** `name-20261121T213500.000Z`: sorts by time. */
export function timedName(name: string): string {
  return `${name}-${new Date().toISOString().replaceAll(/[-:]/g, '')}`
}

/**
 * `gone`: there is no database, or an empty one, where a mark or a log says that there was one. SQLite must not get to see that: it deletes
 * the log of an empty database.
 */
export function databaseState(directory: string): 'none' | 'gone' | 'there' {
  const size = (name: string): number => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0
  if (size(databaseName) > 0) return 'there'
  const mark = peekMark(join(directory, markName), undefined)
  return size(`${databaseName}-wal`) > 0 || mark === 'damaged' || (typeof mark === 'object' && mark.epoch > 0) ? 'gone' : 'none'
}

/** Names of all that belongs to the store's state, as far as it is there. */
export function stateFiles(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter(name => [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, `${databaseName}-journal`, markName].includes(name) || name.startsWith('kept-')) : []
}

/**
 * Puts the files of `from`, a directory in the store's, in the place of the store's. Called by whoever has the store's lock; nothing may be open.
 * @returns the directory with the old files, or '' when there were none
 */
export function swapFiles(directory: string, from: string): string {
  const names = stateFiles(directory)
  const aside = timedName('replaced')
  for (const name of readdirSync(join(directory, from))) syncFile(join(directory, from, name))
  syncDirectory(join(directory, from))
  writeFileSync(join(directory, `${SWAP}.part`), JSON.stringify({ from, aside, names } satisfies Swap), { mode: 0o600 })
  syncFile(join(directory, `${SWAP}.part`))
  renameSync(join(directory, `${SWAP}.part`), join(directory, SWAP))
  syncDirectory(directory)
  finishSwap(directory)
  return names.length === 0 ? '' : join(directory, aside)
}

/** Ends a swap that was cut off; nothing when there is none. */
export function finishSwap(directory: string): void {
  const path = join(directory, SWAP)
  if (!existsSync(path)) return
  const { from, aside, names } = JSON.parse(readFileSync(path, 'utf8')) as Swap
  const move = (one: string, other: string, name: string): void => {
    if (existsSync(join(one, name)) && !existsSync(join(other, name))) renameSync(join(one, name), join(other, name))
  }
  // The new database moves last: as long as it has not, what is in the store is old.
  if (existsSync(join(directory, from, databaseName))) {
    if (names.length > 0) {
      mkdirSync(join(directory, aside), { recursive: true, mode: 0o700 })
      for (const name of names) move(directory, join(directory, aside), name)
      syncDirectory(join(directory, aside))
    }
    for (const name of [markName, databaseName]) move(join(directory, from), directory, name)
  }
  syncDirectory(directory)
  rmSync(join(directory, from), { recursive: true, force: true })
  rmSync(path)
  syncDirectory(directory)
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
