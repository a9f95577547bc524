// At most one program has a store open: a broker, or a command that repairs or restores it. Knows the directory, not what is in it.
//
// The lock is the kernel's, on an empty SQLite file that nobody ever writes to: it goes with the process, however that ends, and is seen by
// processes of other containers, too. Who has it stands in a file beside it, for people.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import { makePrivate } from './own-files.ts'
import { holderName, lockName } from './store-files.ts'

export interface StoreLock {
  release(): void
}

// A connection that nobody refers to is closed by the garbage collector, and its lock with it.
const held = new Set<DatabaseSync>()

/**
 * Takes the store in `directory`, which is made when it is missing, until `release()`.
 * @throws BrokerError `store.in_use` naming the process that has it; Error of the operating system
 */
export function takeStore(directory: string): StoreLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, lockName)
  const holder = join(directory, holderName)
  const lock = lockFile(path) ?? lockFile(path, true)
  if (lock === undefined) throw inUse(directory, readHolder(holder))
  held.add(lock)
  noteHolder(holder)
  return {
    release: () => {
      rmSync(holder, { force: true })
      held.delete(lock)
      lock.close()
    },
  }
}

/** undefined: another has it. `isNew`: what is there is no database, and cannot have been locked. */
function lockFile(path: string, isNew = false): DatabaseSync | undefined {
  if (isNew) {
    // Only looked at: closing a file gives up all locks of this process on it (POSIX).
    if (statSync(path).size === 0) return undefined
    rmSync(path, { force: true })
  }
  // Whoever can read it can hold a lock on it, and keep the broker from starting.
  makePrivate(path)
  const lock = new DatabaseSync(path)
  try {
    // No journal in a file: nothing is ever written that could be rolled back.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return lock
  } catch {
    lock.close()
    return undefined
  }
}

// For people alone: a disk that is full does not keep the store from being opened, and emptied.
function noteHolder(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error
  }
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function inUse(directory: string, pid: string): BrokerError {
  return new BrokerError('store.in_use', { path: directory, problem: /^\d+$/.test(pid) ? `process ${pid} has it open; stop it first: callboard stop` : 'its lock is held; stop who has it first: callboard stop' })
}
