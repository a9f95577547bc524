// The log goes back to the file by another thread, while commits go on.

import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { Database } from '../../../../broker/store/embedded/database.ts'
import { LogWriterThread, type LogWriter } from '../../../../broker/store/embedded/log-writer.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

interface Log {
  readonly log: number
  readonly checkpointed: number
}

const PAGES = 1024

/** A database of which each commit adds some 25 pages to the log. */
function open(t: ExecutionContext, logWriter: (path: string) => LogWriter) {
  const database = new Database(temporaryDirectory(t), logWriter)
  t.teardown(() => database.close())
  database.sql.exec('CREATE TABLE rows (bytes BLOB)')
  database.writeBackAt(PAGES)
  const insert = database.sql.prepare('INSERT INTO rows VALUES (zeroblob(200_000))')
  const state = database.sql.prepare('PRAGMA wal_checkpoint(NOOP)')
  return {
    database,
    commit: (): void => {
      database.write('os')
      insert.run()
      database.commit(1)
    },
    log: (): Log => state.get() as unknown as Log,
  }
}

/** Says that it is at work, and does nothing. */
class IdleWriter implements LogWriter {
  begun = 0
  isRunning = false
  failure: Error | undefined

  begin(): boolean {
    this.begun++
    return (this.isRunning = true)
  }

  wait(): void {
    this.isRunning = false
  }

  takeFailure(): Error | undefined {
    const { failure } = this
    this.failure = undefined
    return failure
  }

  end(): void {}
}

test('write-back: another thread writes a long log to the file, and it begins anew with the commits that came meanwhile', t => {
  let writer: LogWriterThread | undefined
  const { database, commit, log } = open(t, path => (writer = new LogWriterThread(path)))
  while (log().log < PAGES) commit()
  t.is(log().checkpointed, 0)
  // Else a commit that comes late finds the log written back, and begins it anew.
  const reader = new DatabaseSync(database.path, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM rows').get()
  database.writeBack()
  // Nobody waits for it.
  commit()
  while (writer!.isRunning) writer!.wait()
  t.true(log().checkpointed >= PAGES, 'the other thread has written back what there was')
  reader.close()
  commit()
  t.true(log().checkpointed < log().log, 'what came meanwhile is left')
  database.writeBack()
  t.is(log().checkpointed, log().log, 'the rest is written back here')
  commit()
  t.true(log().log < PAGES / 4, 'the log has begun anew')
})

test('write-back: nothing waits for the other thread, but for what wants the whole log in the file', t => {
  const writer = new IdleWriter()
  const { database, commit, log } = open(t, () => writer)
  for (let i = 0; i < 60; i++) {
    commit()
    database.writeBack()
  }
  t.is(writer.begun, 1)
  t.is(log().checkpointed, 0, 'nothing was written back here')
  database.writeBack(true)
  t.deepEqual([writer.isRunning, log().checkpointed], [false, log().log])
})

test('write-back: a sync that fails on the other thread puts the log in doubt, anything else is done here', t => {
  const writer = new IdleWriter()
  const { database, commit, log } = open(t, () => writer)
  const fail = (errcode: number): void => {
    while (!writer.isRunning) {
      commit()
      database.writeBack()
    }
    writer.isRunning = false
    writer.failure = Object.assign(new Error('it failed'), { errcode })
  }
  // SQLITE_CANTOPEN: no file descriptor is left.
  fail(14)
  database.writeBack()
  t.is(log().checkpointed, log().log)
  // SQLITE_IOERR_FSYNC
  fail(1034)
  const error = t.throws(() => database.writeBack(), { message: 'it failed' })
  t.true(log().checkpointed < log().log)
  database.rollback(error)
  database.write('os')
  database.commit(1)
  t.true(log().log < 20, 'it has begun anew before anything else was written')
})

test('write-back: a reader that keeps the log from beginning anew has nobody write it back again and again', t => {
  const writer = new IdleWriter()
  const { database, commit } = open(t, () => writer)
  while (!writer.isRunning) {
    commit()
    database.writeBack()
  }
  // It comes to an end each time, and has not come further.
  for (let i = 0; i < 20; i++) {
    writer.isRunning = false
    database.writeBack()
  }
  t.is(writer.begun, 4)
  while (!writer.isRunning) {
    commit()
    database.writeBack()
  }
  t.is(writer.begun, 5, 'once more, when the log is longer')
})

test('write-back: a log that is to be short is written back at once', t => {
  const writer = new IdleWriter()
  const { database, commit, log } = open(t, () => writer)
  database.writeBackAt(100)
  for (let i = 0; i < 20; i++) {
    commit()
    database.writeBack()
    t.true(log().log < 200)
  }
  t.is(writer.begun, 0)
})

test('write-back: where commits are faster than the other thread they wait for it, so the log has a bound', t => {
  const writer = new IdleWriter()
  const { database, commit, log } = open(t, () => writer)
  let longest = 0
  for (let i = 0; i < 150; i++) {
    commit()
    database.writeBack()
    longest = Math.max(longest, log().log)
  }
  t.is(writer.begun, 1)
  t.true(longest > 3 * PAGES && longest < 4.2 * PAGES, `${longest} pages`)
})

test('write-back: a thread that cannot be started is done without', t => {
  let tries = 0
  const thread = (): never => {
    tries++
    throw new Error('no thread is to be had')
  }
  const { database, commit, log } = open(t, path => new LogWriterThread(path, thread))
  for (let i = 0; i < 60; i++) {
    commit()
    database.writeBack()
  }
  t.is(tries, 1)
  t.true(log().log < 1.2 * PAGES, 'the log is written back, and begins anew')
})
