// Names what SQLite could not do, so that whoever publishes is told what to change.

import { dirname } from 'node:path'
import { BrokerError } from '../../ground/errors.ts'
import type { StoreBackend } from '../../ground/store.ts'
import { accessProblem } from './file-access.ts'
import { databaseName } from './store-files.ts'

/** Primary result codes, https://www.sqlite.org/rescode.html; the upper bits of an extended one say more. */
const primary = { readonly: 8, cannotOpen: 14, full: 13, busy: 5, locked: 6, notADatabase: 26, corrupt: 11 } as const

/** SQLITE_IOERR_FSYNC */
const SYNC_FAILED = 1034

/** The system could not say that what was written is on the disk. */
export function isSyncFailure(error: unknown): boolean {
  return (error as { errcode?: number } | undefined)?.errcode === SYNC_FAILED
}

/** The error of the table for anything that was thrown over a store. */
export function storeError(error: unknown, { backend, path }: { readonly backend: StoreBackend; readonly path: string }): BrokerError {
  if (error instanceof BrokerError) return error
  const { errcode, code, message } = error as { errcode?: number; code?: string; message?: string }
  const problem = message ?? String(error)
  const options = { cause: error }
  // The log has the commit, and the system may still write it out, or not: after a kill it can be there.
  if (isSyncFailure(error)) return new BrokerError('store.unavailable', { backend, problem: `the disk did not confirm a commit (${problem}); whether it is kept is not known` }, options)
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case primary.full:
      return new BrokerError('store.no_space', { path }, options)
    case primary.readonly:
    case primary.cannotOpen:
      return new BrokerError('store.failed', { backend, problem: forbidden(path) ?? `${path} cannot be opened and written: ${problem}` }, options)
    case primary.busy:
    case primary.locked:
      return new BrokerError('store.in_use', { path, problem }, options)
    case primary.corrupt:
    case primary.notADatabase:
      return new BrokerError('store.failed', { backend, problem: `${path} is damaged: ${problem}; see callboard queue verify` }, options)
    default:
      if (code === 'ENOSPC') return new BrokerError('store.no_space', { path }, options)
      return new BrokerError('store.failed', { backend, problem: (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? forbidden(path) : undefined) ?? problem }, options)
  }
}

/** `path`: of the database, or of its directory. */
function forbidden(path: string): string | undefined {
  return accessProblem(path.endsWith(databaseName) ? dirname(path) : path)
}
