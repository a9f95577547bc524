// At most one program has a store open: a broker, or a command that repairs or restores it. Knows the directory, not what is in it.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../../ground/errors.ts'
import { fileHolder, lockFile, type HomeLock } from '../../ground/home-lock.ts'

const NAME = 'queues.lock'

/**
 * Takes the store in `directory`, which is made when it is missing, until `release()`. Gone with the process, whatever ends it.
 * @throws BrokerError `store.in_use` naming the process that has it
 */
export function takeStore(directory: string): HomeLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const lock = lockFile(join(directory, NAME))
  if (typeof lock === 'number') throw inUse(directory, lock)
  return lock
}

/** Pid of the process that has the store open; undefined: none does. */
export function storeHolder(directory: string): number | undefined {
  return fileHolder(join(directory, NAME))
}

function inUse(directory: string, pid: number): BrokerError {
  return new BrokerError('store.in_use', { path: directory, problem: pid === 0 ? 'its lock was taken in this moment' : `process ${pid} has it open; stop it first: callboard stop` })
}
