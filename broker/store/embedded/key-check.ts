// Whether the configured keys are those of a store that nobody has open. Reads its record of keys; changes and makes no file.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { BrokerError } from '../../ground/errors.ts'
import type { KeySource } from '../../ground/store-settings.ts'
import { StoreSeal } from './row-seal.ts'
import { databaseName, databaseState } from './store-files.ts'

/**
 * Why a start would refuse the keys, in words; undefined: it would not, or the record is not in the database yet (its log is not read: a
 * store that was cut off young).
 * @param sources undefined: none are configured. Commands are run
 */
export function keyProblem(directory: string, sources: readonly KeySource[] | undefined): string | undefined {
  if (databaseState(directory) !== 'there') return undefined
  const record = keyRecord(join(directory, databaseName))
  if (record === undefined) return undefined
  try {
    StoreSeal.open(sources, record)
    return undefined
  } catch (error) {
    return BrokerError.from(error).message
  }
}

function keyRecord(path: string): string | undefined {
  let sql: DatabaseSync | undefined
  try {
    const url = pathToFileURL(path)
    // Else SQLite makes a log and an index beside it, which stay.
    url.searchParams.set('immutable', '1')
    sql = new DatabaseSync(url, { readOnly: true })
    const { key_ring: record } = sql.prepare('SELECT key_ring FROM store').get() as { key_ring: unknown }
    return typeof record === 'string' ? record : undefined
  } catch {
    // Damage is told by others.
    return undefined
  } finally {
    sql?.close()
  }
}
