// How often a message was handed out, over restarts: first attempts by one mark of the queue, the others in their rows.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { totalsSum } from '../../../../broker/store/embedded/row-sum.ts'
import { repairStore } from '../../../../broker/store/embedded/repair.ts'
import { verifyStore } from '../../../../broker/store/embedded/verify.ts'
import type { StoredMessage } from '../../../../broker/ground/store.ts'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

function attempts({ leases }: EngineRig): string[] {
  return leases.map(({ text, attempt }) => `${text} ${attempt}`)
}

function listed(rig: EngineRig, queue: number): number[] {
  return (rig.call({ name: 'list', body: { queue, query: { which: 'waiting', after: 0, limit: 100 } } }) as StoredMessage[]).map(message => message.attempts)
}

test('attempts: a first one survives the process, without a write to the row of the message', t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue()
  rig.append(queue, ['a', 'b', 'c'])
  rig.demand(queue, 2)
  t.deepEqual(attempts(rig), ['a 1', 'b 1'])
  t.deepEqual(listed(rig, queue), [1, 1, 0])
  const { sql } = rig.engine.state.database
  t.deepEqual([sql.prepare('SELECT attempts FROM waiting_1').all().map(row => row['attempts']), sql.prepare('SELECT attempted FROM queues').get()?.['attempted']], [[0, 0, 0], 2])
  rig.reopen()
  const again = rig.queue()
  t.deepEqual(listed(rig, again), [1, 1, 0])
  rig.demand(again, 3)
  t.deepEqual(attempts(rig), ['a 2', 'b 2', 'c 1'])
  rig.engine.close()
})

test('attempts: messages that stand among those that were handed out, and were not, are not counted', async t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue()
  rig.append(queue, 'late', { dueAtMs: rig.wallMs + 5000 })
  rig.append(queue, 'later', { dueAtMs: rig.wallMs + 15_000 })
  rig.append(queue, ['given back', 'b', 'c'])
  rig.demand(queue, 2)
  t.deepEqual(attempts(rig), ['given back 1', 'b 1'])
  rig.settle(queue, 'release', rig.leases.slice(0, 1))
  rig.pass(6000)
  t.deepEqual(listed(rig, queue), [0, 0, 0, 1, 0])
  // Behind those that are due again.
  rig.demand(queue, 3)
  t.deepEqual(attempts(rig).slice(2).toSorted(), ['c 1', 'given back 1', 'late 1'])
  rig.settle(queue, 'release', rig.leases.slice(2))
  rig.reopen()
  const again = rig.queue()
  t.deepEqual(listed(rig, again), [0, 0, 0, 1, 0])
  rig.demand(again, 10)
  rig.pass(10_000)
  t.deepEqual(attempts(rig).toSorted(), ['b 2', 'c 1', 'given back 1', 'late 1', 'later 1'])
  rig.engine.close()
  t.deepEqual((await verifyStore({ directory }, () => {})).damages, [])
})

test('attempts: one of a turn that fails is not counted when the message goes out after all', t => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, ['a', 'b'])
  const { sql } = rig.engine.state.database
  const { page_count: count } = sql.prepare('PRAGMA page_count').get() as { page_count: number }
  sql.exec(`PRAGMA max_page_count = ${count + 2}`)
  rig.turn(turn => {
    turn.demand(queue, 1)
    turn.append(queue, 'too big', { padding: 50_000 })
  })
  t.deepEqual(rig.outcomes.slice(-1), ['1 refused 1 store.no_space'])
  rig.settleDown()
  t.deepEqual([attempts(rig), listed(rig, queue)], [['a 1'], [1, 0]])
  rig.engine.close()
})

test('attempts: what had its only one when the process ended is a dead letter, and says so; what had none is handed out', t => {
  const rig = new EngineRig(temporaryDirectory(t))
  const retry = { maxAttempts: 1 }
  const queue = rig.queue('jobs', { retry })
  rig.append(queue, ['a', 'b'])
  rig.demand(queue, 1)
  rig.reopen()
  const again = rig.queue('jobs', { retry })
  rig.demand(again, 2)
  t.deepEqual(attempts(rig), ['b 1'])
  const [dead] = rig.call({ name: 'list', body: { queue: again, query: { which: 'dead', after: 0, limit: 10 } } }) as StoredMessage[]
  t.like(dead, { attempts: 1, death: { reason: 'max-attempts' } })
  rig.engine.close()
})

test('attempts: a dead letter that expired keeps the count of its queue', t => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, ['a', 'b'], { expiresAtMs: rig.wallMs + 5000 })
  rig.demand(queue, 1)
  rig.reopen()
  const again = rig.queue()
  rig.pass(6000)
  const dead = rig.call({ name: 'list', body: { queue: again, query: { which: 'dead', after: 0, limit: 10 } } }) as StoredMessage[]
  t.deepEqual(dead.map(message => message.attempts), [1, 0])
  t.deepEqual(rig.damages, [])
  rig.engine.close()
})

test('attempts: a mark that damage has moved counts for nothing, so that no message dies unseen', t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  rig.append(rig.queue(), ['a', 'b'])
  rig.engine.close()
  const sql = new DatabaseSync(join(directory, 'queues.db'))
  sql.exec('UPDATE queues SET attempted = 2')
  sql.close()
  rig.open()
  rig.demand(rig.queue('jobs', { retry: { maxAttempts: 1 } }), 2)
  t.deepEqual(attempts(rig), ['a 1', 'b 1'])
  t.deepEqual(rig.damages, ['jobs 0: the counts of the queue do not fit their checksum'])
  rig.engine.close()
})

test('attempts: a message that could not be read when others were handed out, and that a repair finds, counts as one that nobody had', async t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const retry = { maxAttempts: 1 }
  const queue = rig.queue('jobs', { retry })
  rig.append(queue, ['a', 'b', 'c'])
  const { sql } = rig.engine.state.database
  sql.exec('UPDATE waiting_1 SET sum = sum + 1 WHERE position = 2')
  rig.demand(queue, 3)
  t.deepEqual(attempts(rig), ['a 1', 'c 1'])
  // A place of the disk that can be read again, and another one that cannot.
  sql.exec('UPDATE waiting_1 SET sum = sum - 1 WHERE position = 2; UPDATE waiting_1 SET frame = zeroblob(40) WHERE position = 3')
  rig.engine.close()
  const { salvaged } = await repairStore({ directory, isDryRun: false, names: [] }, () => {})
  t.is(salvaged, 2)
  rig.leases = []
  rig.open()
  const again = rig.queue('jobs', { retry })
  t.deepEqual(listed(rig, again), [0, 0])
  rig.demand(again, 3)
  t.deepEqual(attempts(rig), ['a 1', 'b 1'])
  rig.engine.close()
  t.deepEqual((await verifyStore({ directory }, () => {})).damages, [])
})

test('attempts: a store of the first format, whose rows hold all attempts, is brought to this one', async t => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  for (const name of ['jobs', 'damaged']) rig.append(rig.queue(name), ['a', 'b'])
  const queue = 1
  rig.demand(queue, 1)
  // Its second attempt stands in the row.
  rig.settle(queue, 'nak', rig.leases, { delayMs: 0 })
  rig.demand(queue, 1)
  rig.engine.close()
  const sql = new DatabaseSync(join(directory, 'queues.db'))
  sql.exec(`UPDATE store SET format = 1; ALTER TABLE queues DROP COLUMN attempted; UPDATE queues SET stored = 7 WHERE name = 'damaged'`)
  const { id, name, sum: _, ...rest } = sql.prepare(`SELECT * FROM queues WHERE name = 'jobs'`).get() as Record<string, number>
  sql.prepare('UPDATE queues SET sum = ? WHERE id = ?').run(totalsSum(id!, String(name), Object.values(rest)), id!)
  sql.close()
  rig.leases = []
  rig.open()
  const again = rig.queue()
  t.deepEqual(rig.damages, [])
  t.deepEqual(listed(rig, again), [2, 0])
  rig.demand(again, 2)
  t.deepEqual(attempts(rig), ['a 3', 'b 1'])
  rig.queue('damaged')
  t.deepEqual(rig.damages, ['damaged 0: the counts of the queue do not fit their checksum'])
  rig.engine.close()
  const { damages } = await verifyStore({ directory, queue: 'jobs' }, () => {})
  t.deepEqual(damages, [])
})
