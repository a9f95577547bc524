// Seals everything in a store with its first key, after keys were rotated or encryption was turned on: then the old key can be retired.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { KeySource } from '../../ground/store-settings.ts'
import type { Damage } from '../../ground/store.ts'
import type { Progress } from './backup-file.ts'
import { keyIdOf } from './cipher.ts'
import { CommitMark } from './commit-mark.ts'
import { watchCommits } from './commit-watch.ts'
import { Database } from './database.ts'
import { openRing } from './key-ring.ts'
import { isSealed, StoreSeal, type QueueSeal, type RowFields } from './row-seal.ts'
import { stateOf } from './row-sum.ts'
import { walkRows, type TableKind, type WalkedRow } from './row-walk.ts'
import { loadKeys } from './seal-keys.ts'
import { readQueues, type QueueRow } from './store-check.ts'
import { databaseName, markName } from './store-files.ts'
import { takeStore } from './store-lock.ts'
import { Totals } from './totals.ts'

export interface ResealReport {
  /** Messages and dead letters that have another seal now. */
  readonly resealed: number
  /** Id of the key that seals, and ids of those that are needed still: none, unless something could not be read. */
  readonly key: string
  readonly stillNeeded: readonly string[]
  readonly damages: readonly Damage[]
}

/**
 * Works on a store that nobody has open. Cut off, it is done in part, and can be called again.
 * @throws BrokerError `store.in_use`, `store.key`
 */
export function resealStore({ directory, keys }: { readonly directory: string; readonly keys: readonly KeySource[] }, onProgress: Progress): ResealReport {
  const lock = takeStore(directory)
  let database: Database | undefined
  let mark: CommitMark | undefined
  try {
    watchCommits(directory)
    const hadStore = existsSync(join(directory, databaseName))
    database = new Database(directory)
    const seal = StoreSeal.open(keys, database.keyRing)
    mark = new CommitMark(join(directory, markName), Buffer.from(database.storeId, 'hex'))
    database.keepKeyRing(seal.ring!.record)
    const { sql } = database
    const first = loadKeys(keys)[0]!.id
    const damages: Damage[] = []
    let [resealed, done] = [0, 0]
    const queues = hadStore ? readQueues(sql) : []
    const total = queues.reduce((sum, { waiting, dead }) => sum + waiting + dead, 0)
    for (const queue of queues) {
      for (const kind of ['waiting', 'dead'] as const) {
        for (const step of walkRows(sql, queue.id, kind)) {
          if ('gap' in step) {
            damages.push({ queue: queue.name, position: step.gap.after + 1, problem: step.gap.problem })
            continue
          }
          resealed += resealBatch(database, mark, { queue, kind, seal: seal.queue(queue.name), first, hasStrangeIds: seal.ring!.hasStrangeIds }, step.rows, damages)
          onProgress((done += step.rows.length), Math.max(total, done))
        }
      }
    }
    // Only now is nothing sealed otherwise; and what the old key sealed is not left in pages that are free.
    if (damages.length === 0) {
      database.keepKeyRing(openRing(loadKeys(keys), seal.ring!.record, true).record)
      sql.exec('VACUUM')
      sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    }
    return { resealed, key: first, stillNeeded: damages.length === 0 ? [] : seal.ring!.keys.filter(id => id !== first), damages }
  } finally {
    mark?.close()
    database?.close()
    lock.release()
  }
}

interface Place {
  readonly queue: QueueRow
  readonly kind: TableKind
  readonly seal: QueueSeal
  /** Id of the key that seals. */
  readonly first: string
  /** Ids of rows that it sealed have to be hashed anew. */
  readonly hasStrangeIds: boolean
}

/** Returns how many rows were sealed anew, in one transaction with the queue's count of bytes. */
function resealBatch(database: Database, mark: CommitMark, { queue, kind, seal, first, hasStrangeIds }: Place, rows: readonly WalkedRow[], damages: Damage[]): number {
  const old = hasStrangeIds ? rows : rows.filter(({ blob }) => !(blob instanceof Uint8Array && isSealed(blob) && keyIdOf(blob) === first))
  if (old.length === 0) return 0
  const { sql } = database
  const write = sql.prepare(`UPDATE ${kind}_${queue.id} SET frame = ?, message_id = ?, session = ?, errors = ?, sum = ? WHERE position = ?`)
  const totals = new Totals(sql, queue.id, queue.name)
  let count = 0
  database.write('fsync')
  for (const row of old) {
    const opened = seal.open(row)
    if (typeof opened === 'string') {
      damages.push({ queue: queue.name, position: row.position, problem: opened })
      continue
    }
    const fields = { ...(row as unknown as RowFields), messageId: opened.messageId ?? null, session: opened.session ?? null }
    const sealed = seal.seal(fields, opened.frame)
    const errors = row.errors === null ? undefined : seal.openText(row.position, row.errors)
    write.run(sealed.blob, sealed.messageId, sealed.session, errors === undefined ? null : seal.sealText(row.position, errors), sealed.sum + stateOf(row.sum as number), row.position)
    totals[kind === 'waiting' ? 'waiting_bytes' : 'dead_bytes'] += sealed.blob.length - (row.blob as Uint8Array).length
    count++
  }
  totals.save()
  const isSynced = database.commit(Date.now())
  mark.note(database.epoch, isSynced)
  return count
}
