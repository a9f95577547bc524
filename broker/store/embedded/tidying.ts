// What is done to the database file while nobody waits for it: the log is written back, and space that messages left is given back.

import type { Database } from './database.ts'

/** Of space that stays with the store, as new messages will need it. bytes */
const KEEP_BYTES = 64 * 1024 * 1024
/** Given back in one step, some ms of work. Pages */
const STEP_PAGES = 256

/** One step. True: there is more to do. */
export function tidy(database: Database, keepBytes = KEEP_BYTES): boolean {
  const { sql } = database
  if (database.backend === 'memory') return false
  const { freelist_count: free } = sql.prepare('PRAGMA freelist_count').get() as { freelist_count: number }
  const { page_count: pages } = sql.prepare('PRAGMA page_count').get() as { page_count: number }
  const { page_size: pageBytes } = sql.prepare('PRAGMA page_size').get() as { page_size: number }
  if (free > pages / 2 && free * pageBytes > keepBytes) {
    sql.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
    return true
  }
  database.writeBack(true)
  return false
}

/** Behind the answers of a group, when the log is long enough. */
export function writeBack(database: Database): void {
  try {
    database.writeBack()
  } catch (error) {
    // Nothing is lost: the log is there, and is tried again when it has grown.
    database.rollback(error)
  }
}
