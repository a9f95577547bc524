// What a transaction costs: the commits that it takes, and how long it waits for others.

import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { Database } from '../../../../broker/store/embedded/database.ts'
import type { LogWriter } from '../../../../broker/store/embedded/log-writer.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

test('database: in memory one commit is enough, however durable the message is to be', t => {
  const database = new Database(undefined)
  const before = database.epoch
  database.expect('fsync')
  database.write('fsync')
  database.commit(1)
  t.is(database.epoch - before, 1)
  database.close()
})

test('database: after a sync that failed it writes nothing while somebody reads its log, and does not wait for that', t => {
  const database = new Database(temporaryDirectory(t))
  database.write('os')
  database.commit(1)
  const reader = new DatabaseSync(database.path, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM store').all()
  // For so long SQLite would wait.
  database.sql.exec('PRAGMA busy_timeout = 300000')
  database.rollback(Object.assign(new Error('disk I/O error'), { errcode: 1034 }))
  const startedMs = performance.now()
  t.throws(() => database.write('os'), { code: 'store.unavailable', message: /its log may lack a sync/ })
  t.true(performance.now() - startedMs < 200_000)
  reader.close()
  database.write('os')
  database.commit(2)
  t.is(database.epoch, 2)
  t.deepEqual({ ...database.sql.prepare('PRAGMA busy_timeout').get() }, { timeout: 5000 })
  database.close()
})

test('database: an SQLite that cannot say how long its log is writes it back itself, and not after each group', t => {
  for (const [version, pages, isWrittenBack] of [['3.50.4', 2000, false], ['3.51.0', 0, true], [undefined, 0, true]] as const) {
    const database = new Database(temporaryDirectory(t), undefined, version)
    const state = (): unknown => ({ ...database.sql.prepare('PRAGMA wal_checkpoint(NOOP)').get() })
    database.writeBackAt(2000)
    t.is(database.sql.prepare('PRAGMA wal_autocheckpoint').get()!['wal_autocheckpoint'], pages, version)
    database.writeBackAt(1)
    database.sql.exec('PRAGMA wal_autocheckpoint = 0')
    database.write('os')
    database.commit(1)
    t.like(state(), { checkpointed: 0 })
    database.writeBack()
    t.is((state() as { checkpointed: number }).checkpointed > 0, isWrittenBack, version)
    database.writeBack(true)
    t.true((state() as { checkpointed: number }).checkpointed > 0)
    database.close()
  }
})

test('database: before SQLite 3.51.3, which loses pages when two write the log back, nobody else does', t => {
  const idle: LogWriter = { isRunning: false, begin: () => false, wait: () => {}, takeFailure: () => undefined, end: () => {} }
  for (const [version, isAsked] of [['3.50.4', false], ['3.51.0', false], ['3.51.2', false], ['3.51.3', true], ['3.52.0', true], ['4.0.0', true]] as const) {
    let asked = false
    new Database(
      temporaryDirectory(t),
      () => {
        asked = true
        return idle
      },
      version,
    ).close()
    t.is(asked, isAsked, version)
  }
})
