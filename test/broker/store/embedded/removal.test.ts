import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import test from 'ava'
import type { Damage } from '../../../../broker/ground/store.ts'
import { checkStore } from '../../../../broker/store/embedded/store-check.ts'
import { databaseName } from '../../../../broker/store/embedded/store-files.ts'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

test('removal: of a queue whose removal ended with its process nothing is left after the next start', t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue('jobs')
  rig.append(queue, ['a', 'b', 'c'])
  rig.call({ name: 'close', body: { queue } })
  // Its first step alone: the queue has lost its name, and nothing else.
  rig.run([{ kind: 'call', number: 1, call: { name: 'remove', body: { name: 'jobs' } } }])
  t.deepEqual(rig.call({ name: 'names', body: {} }), [])
  const check = (): Damage[] => {
    const found: Damage[] = []
    const sql = new DatabaseSync(join(directory, databaseName), { readOnly: true })
    for (const _ of checkStore(sql, undefined, found)) { /* all of it */ }
    sql.close()
    return found
  }
  t.deepEqual(check(), [], 'what is half deleted is no damage')
  rig.reopen()
  rig.settleDown()
  rig.engine.close()
  const sql = new DatabaseSync(join(directory, databaseName), { readOnly: true })
  t.teardown(() => sql.close())
  t.deepEqual(sql.prepare('SELECT name FROM queues').all(), [])
  t.deepEqual(sql.prepare("SELECT name FROM sqlite_schema WHERE name GLOB '*_[0-9]*' AND name NOT LIKE 'sqlite_%'").all(), [])
})
