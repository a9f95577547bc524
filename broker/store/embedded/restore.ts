// Makes a store of a backup again. Knows the store's directory; the other files of the home are its caller's.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import type { Damage } from '../../ground/store.ts'
import { checkBackup, extractDatabase, type BackupContents, type Progress } from './backup-file.ts'
import { CommitMark } from './commit-mark.ts'
import { finishSwap, databaseName, markName, stateFiles, swapFiles, timedName } from './store-files.ts'
import { checkStore, readQueues } from './store-check.ts'
import { takeStore } from './store-lock.ts'

export interface RestoreWishes {
  /** The backup. */
  readonly file: string
  readonly directory: string
  /** The whole backup is read and checked; nothing is written. */
  readonly isDryRun: boolean
  /** What is in the directory is set aside; else its being there is an error. */
  readonly isReplacing: boolean
  /** Called when the backup is found whole, before the first file is written. */
  readonly onWhole?: (contents: BackupContents) => void
}

export interface RestoreReport {
  readonly contents: BackupContents
  /** Where the store of before is; '' = there was none. */
  readonly aside: string
  /** Damage that the backup was made with: `queue repair` puts it right. */
  readonly damages: readonly Damage[]
}

/**
 * The store is that of the backup, or as it was before: nothing in between, whenever it is cut off.
 * @throws BrokerError `backup.invalid`, `store.in_use`, `store.not_empty`, `store.no_space`
 */
export function restoreStore({ file, directory, isDryRun, isReplacing, onWhole }: RestoreWishes, onProgress: Progress): RestoreReport {
  const contents = checkBackup(file, onProgress)
  if (isDryRun) {
    if (!isReplacing) refuseQueues(directory)
    return { contents, aside: '', damages: [] }
  }
  onWhole?.(contents)
  const lock = takeStore(directory)
  const work = timedName('restore')
  try {
    finishSwap(directory)
    if (!isReplacing) refuseQueues(directory)
    mkdirSync(join(directory, work), { mode: 0o700 })
    extractDatabase(file, contents, join(directory, work, databaseName))
    const damages = prepare(join(directory, work))
    return { contents, aside: swapFiles(directory, work), damages }
  } catch (error) {
    if (error instanceof BrokerError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'ENOSPC' ? new BrokerError('store.no_space', { path: directory }, { cause: error }) : new BrokerError('backup.invalid', { file, problem: message }, { cause: error })
  } finally {
    rmSync(join(directory, work), { recursive: true, force: true })
    lock.release()
  }
}

/**
 * For whoever restores without replacing.
 * @throws BrokerError `store.not_empty`
 */
function refuseQueues(directory: string): void {
  const names = stateFiles(directory)
  if (names.length > 0) throw new BrokerError('store.not_empty', { path: directory, what: 'queues' })
}

/** The mark that goes with the database, without which the next start could not tell whether it is whole. */
function prepare(work: string): Damage[] {
  const sql = new DatabaseSync(join(work, databaseName), { readOnly: true })
  try {
    const { store_id: storeId, epoch } = sql.prepare('SELECT store_id, epoch FROM store').get() as { store_id: string; epoch: number }
    const mark = new CommitMark(join(work, markName), Buffer.from(storeId, 'hex'))
    for (const { id, last_position: last } of readQueues(sql)) mark.position(id, last)
    mark.note(epoch, true)
    mark.close()
    const damages: Damage[] = []
    for (const _ of checkStore(sql, undefined, damages)) { /* all of it */ }
    return damages
  } finally {
    sql.close()
  }
}
