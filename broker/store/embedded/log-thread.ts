// Writes a store's log back to its file and ends. One word of shared memory says what it is to do, so that the store's thread asks and looks without
// an event loop. Run as a worker; started by log-writer.ts.

import { pathToFileURL } from 'node:url'
import { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { DONE, FAILED, Task } from './log-task.ts'

export interface LogThreadData {
  /** Of the database. */
  readonly path: string
  /** Two words, as log-task.ts has them. */
  readonly shared: Int32Array
}

const { path, shared } = workerData as LogThreadData

// A file that is gone is not made again.
const place = pathToFileURL(path)
place.search = 'mode=rw'

for (;;) {
  Atomics.wait(shared, 0, Task.none)
  if (Atomics.load(shared, 0) === Task.end) break
  Atomics.store(shared, 1, writeBack())
  Atomics.compareExchange(shared, 0, Task.writeBack, Task.none)
  Atomics.notify(shared, 0)
}

// Opened for each time, in 0.1 ms: a connection that stays would keep the store from emptying its log when it is closed.
function writeBack(): number {
  try {
    const sql = new DatabaseSync(place)
    try {
      sql.exec('PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 0')
      sql.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
    } finally {
      sql.close()
    }
    return DONE
  } catch (error) {
    return (error as { errcode?: number }).errcode ?? FAILED
  }
}
