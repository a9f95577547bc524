// Brings the database of an older format to the one that this broker writes. Knows only the steps.

import type { DatabaseSync } from 'node:sqlite'
import { totalsSum } from './row-sum.ts'
import { isWholeQueue, totalsOf, type QueueRow } from './store-check.ts'

/** In one transaction: a process that ends in the middle leaves the old format. @throws Error of SQLite */
export function upgrade(sql: DatabaseSync): void {
  const { format } = sql.prepare('SELECT format FROM store').get() as { format: number }
  if (format === 1) fromFirst(sql)
}

// First attempts were counted in each row; from now on the queue has a mark of them. The checksums of what is damaged go on not to fit.
function fromFirst(sql: DatabaseSync): void {
  sql.exec('BEGIN IMMEDIATE')
  const queues = sql.prepare('SELECT * FROM queues').all() as unknown as QueueRow[]
  sql.exec('ALTER TABLE queues ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0')
  const resum = sql.prepare('UPDATE queues SET sum = ? WHERE id = ?')
  for (const queue of queues) if (queue.sum !== 0 && isWholeQueue(queue)) resum.run(totalsSum(queue.id, queue.name, [...totalsOf(queue), 0]), queue.id)
  sql.exec('UPDATE store SET format = 2; COMMIT')
}
