// What a transaction costs: the commits that it takes.

import test from 'ava'
import { Database } from '../../../../broker/store/embedded/database.ts'

test('database: in memory one commit is enough, however durable the message is to be', t => {
  const database = new Database(undefined)
  const before = database.epoch
  database.expect('fsync')
  database.write('fsync')
  database.commit(1)
  t.is(database.epoch - before, 1)
  database.close()
})
