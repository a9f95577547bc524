// Clocks that jump, and what becomes of messages that wait for a time.

import test from 'ava'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const HOUR = 3_600_000
const retry = { backoff: 'fixed', initialDelayMs: 1000 } as const

test('engine: a wall clock that is set back does not make a retry wait for longer', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { retry })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.wallMs -= HOUR
  rig.pass(500)
  t.is(rig.leases.length, 1)
  rig.pass(501)
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [1, 2])
})

test('engine: nor does one that was set back while the broker was down', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue('jobs', { retry })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.wallMs -= HOUR
  rig.reopen()
  rig.demand(rig.queue('jobs', { retry }), 5)
  rig.pass(1001)
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [2])
  rig.engine.close()
})

test('engine: nor in a queue that is opened in the life after next only, or that was not open when it was set', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue('jobs', { retry })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.call({ name: 'close', body: { queue } })
  rig.wallMs -= HOUR
  rig.pass(0)
  rig.wallMs -= HOUR
  rig.reopen()
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    database.commit = commit
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  t.throws(() => rig.queue('others'), { message: 'store.failed' })
  rig.pass(500)
  t.deepEqual(rig.states, ['store.failed', 'works'])
  rig.queue('others')
  rig.reopen()
  rig.demand(rig.queue('jobs', { retry }), 5)
  rig.pass(400)
  t.is(rig.leases.length, 0)
  rig.pass(101)
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [2])
  rig.engine.close()
})

test('engine: one that is set forward does not bring a retry early', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { retry: { backoff: 'fixed', initialDelayMs: 60_000 } })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.wallMs += HOUR
  rig.pass(58_000)
  t.is(rig.leases.length, 1)
  rig.pass(2001)
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [1, 2])
})

test('engine: a nak that is the first to come after the clock was set waits for its own time, no longer and no shorter', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { retry: { backoff: 'fixed', initialDelayMs: 60_000 } })
  rig.demand(queue, 5)
  rig.append(queue, ['a', 'b'])
  rig.settle(queue, 'nak', rig.leases.slice(0, 1))
  rig.wallMs -= HOUR
  rig.settle(queue, 'nak', rig.leases.slice(1, 2))
  rig.pass(59_000)
  t.is(rig.leases.length, 2)
  rig.pass(1001)
  t.deepEqual(rig.leases.slice(2).map(({ text, attempt }) => `${text} ${attempt}`), ['a 2', 'b 2'])
})

test('engine: a commit that fails when the clock was set back does not cost retries their new time', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue('jobs', { retry })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.wallMs -= HOUR
  const commit = rig.engine.state.database.commit.bind(rig.engine.state.database)
  rig.engine.state.database.commit = () => {
    rig.engine.state.database.commit = commit
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  rig.pass(1001)
  rig.pass(1001)
  t.deepEqual(rig.states, ['store.failed', 'works'])
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [1, 2])
  rig.engine.close()
})

test('engine: a queue whose opening fails moves its retries once when the clock was set', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const overrides = { retry: { backoff: 'fixed', initialDelayMs: 60_000 } } as const
  const queue = rig.queue('jobs', overrides)
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.settle(queue, 'nak', rig.leases)
  rig.wallMs -= HOUR
  rig.pass(1000)
  rig.call({ name: 'close', body: { queue } })
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    database.commit = commit
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  t.throws(() => rig.queue('jobs', overrides), { message: 'store.failed' })
  rig.pass(10_000)
  rig.demand(rig.queue('jobs', overrides), 5)
  rig.pass(48_000)
  t.is(rig.leases.length, 1)
  rig.pass(1001)
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [1, 2])
  rig.engine.close()
})

test('engine: while the disk fails, a clock that is set back has the store try no more often, and what is negatively acknowledged meanwhile waits as long', (t) => {
  const rig = new EngineRig(temporaryDirectory(t))
  const queue = rig.queue('jobs', { retry })
  rig.demand(queue, 5)
  rig.append(queue, ['a', 'b'])
  rig.settle(queue, 'nak', rig.leases.slice(0, 1))
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  let tries = 0
  database.commit = () => {
    tries++
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  rig.wallMs -= HOUR
  rig.settleDown()
  rig.settleDown()
  t.is(tries, 1)
  t.true(rig.waitMs <= 100)
  rig.pass(rig.waitMs)
  t.is(tries, 2)
  database.commit = commit
  // Before the next try.
  rig.settle(queue, 'nak', rig.leases.slice(1, 2))
  t.is(rig.outcomes.at(-1), '2 settled')
  rig.pass(800)
  t.is(rig.leases.length, 2)
  rig.pass(201)
  t.deepEqual(rig.states, ['store.failed', 'works'])
  t.deepEqual(rig.leases.slice(2).map(({ text, attempt }) => `${text} ${attempt}`), ['a 2', 'b 2'])
  rig.engine.close()
})

test('engine: what its sender gave a time keeps that time, and a clock set forward brings it', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.demand(queue, 5)
  rig.append(queue, 'at one', { dueAtMs: rig.wallMs + HOUR })
  rig.wallMs -= HOUR / 2
  rig.pass(HOUR)
  t.is(rig.leases.length, 0)
  rig.wallMs += HOUR / 2
  rig.settleDown()
  t.is(rig.leases.length, 0, 'a second may pass until a jump is seen')
  rig.pass(1000)
  t.is(rig.leases.length, 1)
})

test('engine: ack waits go by a clock that does not jump', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { ackWaitMs: 30_000 })
  rig.demand(queue, 5)
  rig.append(queue, 'a')
  rig.wallMs += HOUR
  rig.pass(1000)
  t.is(rig.leases.length, 1)
  rig.wallMs -= 2 * HOUR
  rig.pass(29_000)
  t.is(rig.leases.length, 2)
})

test('engine: many that are due at once come in order of their time, none is left behind', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.demand(queue, 5000)
  const { wallMs } = rig
  for (let i = 0; i < 3000; i++) rig.append(queue, `${i}`, { dueAtMs: wallMs + 10_000 - i })
  t.like(rig.call({ name: 'counts', body: { queue } }), { delayed: 3000, ready: 0 })
  rig.pass(10_000)
  t.deepEqual(rig.leases.map(({ text }) => Number(text)), Array.from({ length: 3000 }, (_, i) => 2999 - i))
})

test('engine: retention takes what is old, but for what is on lease or was taken up again', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { retentionMs: 10_000, ackWaitMs: 60_000 })
  rig.demand(queue, 1)
  rig.append(queue, ['held', 'old'])
  rig.pass(5000)
  rig.append(queue, 'young')
  rig.pass(5001)
  t.deepEqual(rig.events.map(({ position, event }) => `${position} ${event}`), ['2 dead-lettered'])
  rig.settle(queue, 'release', rig.leases)
  rig.settleDown()
  t.deepEqual(rig.events.map(({ position }) => position), [2, 1])
  rig.pass(5000)
  t.deepEqual(rig.events.map(({ position }) => position), [2, 1, 3])
  t.like(rig.call({ name: 'counts', body: { queue } }), { ready: 0, deadLetters: 3, deadLettered: 3 })
})
