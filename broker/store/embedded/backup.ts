// Copies the store of a directory into one file, while a broker works with it. Runs where its caller may wait; see verify.ts.

import { join } from 'node:path'
import { DatabaseSync, backup } from 'node:sqlite'
import { BrokerError } from '../../ground/errors.ts'
import type { BackupAbout, BackupReport, Damage } from '../../ground/store.ts'
import { abandonBackup, publishBackup, reserveBackup, type BackupContents, type Progress } from './backup-file.ts'
import { checkStore, readQueues } from './store-check.ts'
import { databaseName } from './store-files.ts'

export interface BackupWishes extends BackupAbout {
  readonly directory: string
  /** Absolute path of a file that does not exist. */
  readonly file: string
}

/** Pages in one step: 8 MiB, between which the store thread gets at the file. */
const PAGES = 1024
const TOTAL = 1000

/**
 * A copy as of one moment. Its bytes are read again, rows are compared with their checksums, and a checksum goes over all.
 * @throws BrokerError `backup.invalid` when the file exists or cannot be written, `store.no_space`, `store.failed`
 */
export async function backupStore({ directory, file, broker, files }: BackupWishes, onProgress: Progress): Promise<BackupReport> {
  const part = reserveBackup(file)
  try {
    await copyDatabase(join(directory, databaseName), part, (done, total) => onProgress(Math.floor((done / total) * 500), TOTAL))
    const { queues, damages } = checkCopy(part, (done, total) => onProgress(500 + Math.floor((done / Math.max(1, total)) * 300), TOTAL))
    const { databaseBytes } = publishBackup(file, { createdAtMs: Date.now(), broker, queues, damaged: damages.length, files }, (done, total) => onProgress(800 + Math.floor((done / total) * 200), TOTAL))
    return { bytes: databaseBytes, queues, damages }
  } catch (error) {
    abandonBackup(file)
    throw failure(error, file)
  }
}

async function copyDatabase(from: string, to: string, progress: Progress): Promise<void> {
  const sql = new DatabaseSync(from, { readOnly: true, timeout: 5000 })
  try {
    // One moment for all steps: without a transaction of its own the copy begins anew with each commit of the store.
    sql.exec('BEGIN')
    sql.prepare('SELECT count(*) FROM sqlite_schema').get()
    await backup(sql, to, { rate: PAGES, progress: ({ totalPages, remainingPages }) => progress(totalPages - remainingPages, totalPages) })
  } finally {
    sql.close()
  }
}

function checkCopy(part: string, progress: Progress): Pick<BackupContents, 'queues'> & { damages: Damage[] } {
  const sql = new DatabaseSync(part)
  try {
    // One file, without a log beside it.
    sql.exec('PRAGMA journal_mode = DELETE')
    const damages: Damage[] = []
    for (const { checked, total } of checkStore(sql, undefined, damages)) progress(checked, total)
    return { queues: readQueues(sql).map(({ name, waiting, dead }) => ({ name, messages: waiting, deadLetters: dead })), damages }
  } finally {
    sql.close()
  }
}

function failure(error: unknown, path: string): unknown {
  if (error instanceof BrokerError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/database or disk is full|ENOSPC/.test(message)) return new BrokerError('store.no_space', { path }, { cause: error })
  return new BrokerError('store.failed', { backend: 'embedded', problem: `the backup ${path}: ${message}` }, { cause: error })
}
