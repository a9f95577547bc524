// What the engine does when SQLite cannot: groups are rolled back as a whole, and it works on when there is space again.

import { chmodSync, cpSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { verifyStore } from '../../../../broker/store/embedded/verify.ts'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const big = { padding: 50_000 }

/** As a disk of so many more pages. */
function limitPages(rig: EngineRig, more: number): void {
  const { sql } = rig.engine.state.database
  const { page_count: count } = sql.prepare('PRAGMA page_count').get() as { page_count: number }
  sql.exec(`PRAGMA max_page_count = ${more === Infinity ? 1e9 : count + more}`)
}

test('engine: without space a whole turn is refused, nothing of it is kept, and what was kept stays', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, ['a', 'b'])
  limitPages(rig, 2)
  rig.turn((turn) => {
    turn.append(queue, 'small')
    turn.append(queue, 'too big', big)
  })
  t.deepEqual(rig.outcomes, ['0 stored 1+2', '1 refused 1 store.no_space', '2 refused 1 store.no_space'])
  t.deepEqual(rig.states, ['store.no_space'])
  t.like(rig.call({ name: 'counts', body: { queue } }), { ready: 2, stored: 2, lastPosition: 2 })
  rig.engine.close()
})

test('engine: it tries again by itself, works on when there is space, and gives no position twice', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, 'a')
  limitPages(rig, 2)
  rig.append(queue, 'too big', big)
  t.true(rig.waitMs <= 100)
  rig.pass(rig.waitMs)
  rig.append(queue, 'refused without a try')
  t.deepEqual(rig.outcomes.slice(2), ['2 refused 1 store.no_space'])
  limitPages(rig, Infinity)
  rig.pass(10_000)
  t.deepEqual(rig.states, ['store.no_space', 'works'])
  rig.append(queue, 'b', big)
  rig.demand(queue, 10)
  t.deepEqual(rig.leases.map(({ text }) => text), ['a', 'b'])
  t.deepEqual(rig.damages, [])
  rig.engine.close()
})

test('engine: leases that a failed turn would have ended, and demand, are as before', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.demand(queue, 3)
  rig.append(queue, ['a', 'b'])
  limitPages(rig, 2)
  rig.turn((turn) => {
    turn.settle(queue, [{ position: 1, attempt: 1, verdict: 'ack' }])
    // Handed over to the demand that is left, were it kept.
    turn.append(queue, 'too big', big)
  })
  t.deepEqual(rig.outcomes.slice(1), ['1 unsettled store.no_space', '2 refused 1 store.no_space'])
  t.like(rig.call({ name: 'counts', body: { queue } }), { inFlight: 2, acked: 0 })
  limitPages(rig, Infinity)
  rig.pass(10_000)
  rig.append(queue, 'c')
  t.deepEqual(rig.leases.map(({ text, attempt }) => `${text} ${attempt}`), ['a 1', 'b 1', 'c 1'])
  rig.settle(queue, 'ack', rig.leases)
  t.is(rig.outcomes.at(-1), '4 settled')
  t.like(rig.call({ name: 'counts', body: { queue } }), { inFlight: 0, ready: 0, acked: 3 })
  rig.engine.close()
})

test('engine: while there is no space for more, what is on lease can be settled', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, ['a', 'b'])
  rig.demand(queue, 1)
  limitPages(rig, 2)
  rig.append(queue, 'too big', big)
  rig.settle(queue, 'ack', rig.leases)
  t.is(rig.outcomes.at(-1), '2 settled')
  t.like(rig.call({ name: 'counts', body: { queue } }), { ready: 1, acked: 1 })
  rig.engine.close()
})

test('engine: where only the sync fails that a lease had asked for, what was settled is settled and counted once, and what was handed out unseen goes again', async (t) => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue('jobs', { durability: 'fsync', retry: { maxAttempts: 0, backoff: 'fixed', initialDelayMs: 1000 } })
  const other = rig.queue('others')
  rig.append(queue, ['acked', 'again', 'unseen'])
  rig.demand(queue, 2)
  const { sql } = rig.engine.state.database
  const exec = sql.exec.bind(sql)
  // Between the commit of the group, which had been expected to be enough, and the second one, which syncs.
  sql.exec = (text) => {
    if (text === 'PRAGMA synchronous = FULL') {
      sql.exec = exec
      throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
    }
    exec(text)
  }
  rig.turn((turn) => {
    turn.settle(queue, [{ position: 1, attempt: 1, verdict: 'ack' }, { position: 2, attempt: 1, verdict: 'nak' }])
    turn.demand(queue, 1)
    turn.append(other, 'beside')
  })
  t.deepEqual(rig.outcomes.slice(1), ['1 unsettled store.unavailable', '2 refused 1 store.unavailable'])
  t.is(rig.leases.length, 2, 'nobody was told of the third')
  rig.pass(500)
  t.deepEqual(rig.states, ['store.unavailable', 'works'])
  rig.settle(queue, 'ack', rig.leases.slice(0, 1))
  t.is(rig.outcomes.at(-1), '3 settled but 1')
  t.deepEqual(rig.leases.slice(2).map(({ text, attempt }) => `${text} ${attempt}`), ['unseen 1'], 'an attempt that nobody saw is none')
  rig.demand(queue, 1)
  rig.pass(1000)
  t.deepEqual(rig.leases.slice(3).map(({ text, attempt }) => `${text} ${attempt}`), ['again 2'])
  rig.settle(queue, 'ack', rig.leases.slice(2))
  t.like(rig.call({ name: 'counts', body: { queue } }), { stored: 3, acked: 3, ready: 0, inFlight: 0, delayed: 0, retried: 1 })
  rig.engine.close()
  t.deepEqual((await verifyStore({ directory }, () => {})).damages, [])
})

test('engine: an attempt that nobody saw is none, also when it would have been the last, or the next try fails as well', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue('jobs', { durability: 'fsync', retry: { maxAttempts: 1 } })
  rig.append(queue, ['a'])
  const { database } = rig.engine.state
  const exec = database.sql.exec.bind(database.sql)
  let failures = 0
  database.sql.exec = (text) => {
    if (text !== 'PRAGMA synchronous = FULL' || failures === 2) return exec(text)
    failures++
    throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
  }
  rig.demand(queue, 1)
  rig.pass(10_000)
  rig.pass(10_000)
  t.is(failures, 2)
  t.deepEqual(rig.leases.map(({ text, attempt }) => `${text} ${attempt}`), ['a 1'])
  rig.settle(queue, 'ack', rig.leases)
  t.deepEqual(rig.events, [])
  t.like(rig.call({ name: 'counts', body: { queue } }), { acked: 1, ready: 0, inFlight: 0 })
  rig.engine.close()
})

test('engine: what fails while the store cannot work puts off no try', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.append(queue, ['a', 'b'])
  rig.demand(queue, 1)
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  for (let i = 0; i < 8; i++) rig.settle(queue, 'ack', rig.leases)
  rig.run([])
  t.deepEqual([rig.states, rig.waitMs], [['store.failed'], 100])
  database.commit = commit
  rig.pass(rig.waitMs)
  t.deepEqual(rig.states, ['store.failed', 'works'])
  rig.settle(queue, 'ack', rig.leases)
  t.is(rig.outcomes.at(-1), '9 settled')
  rig.engine.close()
})

test('engine: an id of a message that was not kept is not remembered', (t) => {
  for (const storage of ['memory', 'persistent'] as const) {
    const rig = new EngineRig(temporaryDirectory(t))
    const queue = rig.queue('jobs', { deduplication: { enabled: true, storage } })
    limitPages(rig, 2)
    rig.turn((turn) => {
      turn.append(queue, 'a', { messageId: 'one' })
      turn.append(queue, 'too big', big)
    })
    limitPages(rig, Infinity)
    rig.pass(10_000)
    rig.append(queue, 'a', { messageId: 'one' })
    rig.append(queue, 'a', { messageId: 'one' })
    t.deepEqual(rig.outcomes.slice(2), ['2 stored 1+1', '3 duplicate 1'], storage)
    rig.engine.close()
  }
})

test('engine: positions that a database lost are not given again, also when the first append after that fails', (t) => {
  const [directory, old] = [temporaryDirectory(t), temporaryDirectory(t)]
  const rig = new EngineRig(directory)
  const files = (from: string, to: string): void => {
    rig.engine.close()
    for (const name of ['queues.db', 'queues.db-wal']) rmSync(join(to, name), { force: true })
    for (const name of readdirSync(from).filter((each) => each.startsWith('queues.db'))) cpSync(join(from, name), join(to, name))
    rig.open()
  }
  rig.append(rig.queue(), 'kept')
  files(directory, old)
  rig.append(rig.queue(), ['lost', 'lost'])
  files(old, directory)
  const queue = rig.queue()
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    database.commit = commit
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  rig.append(queue, 'refused')
  rig.pass(10_000)
  const before = rig.outcomes.length
  rig.append(queue, 'new')
  t.deepEqual(rig.outcomes.slice(before), [`${before} stored 4+1`])
  rig.engine.close()
})

test('engine: a new queue whose opening fails is forgotten, and the store works on', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    database.commit = commit
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  t.throws(() => rig.queue(), { message: 'store.failed' })
  rig.pass(10_000)
  t.deepEqual(rig.states, ['store.failed', 'works'])
  rig.append(rig.queue(), 'a')
  t.deepEqual(rig.outcomes, ['0 stored 1+1'])
  rig.engine.close()
})

test('engine: what asks for memory alone is told before the commit', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.turn((turn) => {
    turn.append(queue, 'a', { durability: 'os' })
    turn.append(queue, 'b', { durability: 'memory' })
  })
  t.deepEqual(rig.outcomes, ['1 stored 2+1', '0 stored 1+1'])
  rig.engine.close()
})

test('engine: what came in the same turn as the closing of its queue is counted', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue()
  rig.turns((turn) => turn.append(queue, ['a', 'b']), { name: 'close', body: { queue } })
  t.like(rig.call({ name: 'counts', body: { queue: rig.queue() } }), { stored: 2, ready: 2, lastPosition: 2 })
  rig.engine.close()
})

test('engine: nothing is said to be stored in a database that was moved away while it is open, until it is back', (t) => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue()
  rig.append(queue, 'a')
  for (const name of ['queues.db', 'queues.db-wal']) {
    const [path, aside] = [join(directory, name), join(directory, 'aside')]
    const before = rig.outcomes.length
    renameSync(path, aside)
    rig.append(queue, 'nobody would find it')
    t.regex(rig.outcomes.at(-1)!, /refused 1 store\.failed/, `${name} is gone`)
    cpSync(aside, path)
    rig.pass(10_000)
    rig.append(queue, 'nor in the copy')
    t.regex(rig.outcomes.at(-1)!, /refused 1 store\.failed/, `${name} is another file`)
    rmSync(path)
    renameSync(aside, path)
    rig.pass(10_000)
    rig.append(queue, `after ${name}`)
    t.regex(rig.outcomes.at(-1)!, /stored/, `${name} is back`)
    t.is(rig.outcomes.length, before + 3)
  }
  t.deepEqual(rig.states, ['store.failed', 'works', 'store.failed', 'works'])
  rig.reopen()
  t.deepEqual(rig.damages, [])
  t.like(rig.call({ name: 'counts', body: { queue: rig.queue() } }), { ready: 3, stored: 3 })
  rig.engine.close()
})

test('engine: nobody else can read the files of a store, in a directory that others may enter', (t) => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const rig = new EngineRig(directory)
  rig.append(rig.queue(), 'secret')
  const names = readdirSync(directory)
  t.true(names.includes('queues.db-wal'))
  t.deepEqual(names.filter((name) => (statSync(join(directory, name)).mode & 0o077) !== 0), [])
  rig.engine.close()
})
