// Rows that do not fit their checksum: never delivered, told once, counted, and left where they are.

import test from 'ava'
import { EngineRig } from '../../../support/engine-rig.ts'

function change(rig: EngineRig, sql: string): void {
  rig.engine.state.database.sql.exec(sql)
}

test('engine: a message with a flipped byte is not delivered, its neighbours are', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.append(queue, ['a', 'b', 'c'])
  change(rig, `UPDATE waiting_${queue} SET frame = CAST(substr(frame, 1, 30) || x'ff' || substr(frame, 32) AS BLOB) WHERE position = 2`)
  rig.demand(queue, 5)
  t.deepEqual(rig.leases.map(({ text }) => text), ['a', 'c'])
  t.deepEqual(rig.damages, ['jobs 2: the checksum does not fit'])
  t.like(rig.call({ name: 'counts', body: { queue } }), { inFlight: 2, ready: 0, damaged: 1 })
  rig.append(queue, 'd')
  t.is(rig.damages.length, 1)
  t.is(rig.leases.at(-1)!.text, 'd')
})

test('engine: delayed messages whose due time is damaged keep neither the store busy nor others from being due', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  // As many as one step looks at.
  const count = 500
  for (let i = 0; i < count; i++) rig.append(queue, 'damaged', { dueAtMs: rig.wallMs + 5000 })
  rig.append(queue, 'whole', { dueAtMs: rig.wallMs + 6000 })
  change(rig, `UPDATE waiting_${queue} SET due_at = due_at - 1000 WHERE position <= ${count}`)
  rig.demand(queue, 5)
  rig.pass(5500)
  t.is(rig.damages.length, count)
  t.true(rig.waitMs > 0, 'it rests until the next one is due')
  rig.pass(500)
  t.deepEqual(rig.leases.map(({ text }) => text), ['whole'])
  t.is(rig.damages.length, count, 'told once')
  rig.append(queue, ['one more', 'two more'], { dueAtMs: 0 })
  t.like(rig.call({ name: 'counts', body: { queue } }), { inFlight: 3, ready: 0, delayed: count, damaged: count })
  rig.append(queue, Array.from({ length: 5 }, () => 'waits'))
  t.like(rig.call({ name: 'counts', body: { queue } }), { ready: 3, delayed: count, damaged: count }, 'one that is delayed is not taken off those that are ready')
})

test('engine: a retry that is found damaged when the clock is set is not taken off those that are ready', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { retry: { backoff: 'fixed', initialDelayMs: 60_000 } })
  rig.demand(queue, 1)
  rig.append(queue, ['a', 'b', 'c', 'd'])
  rig.settle(queue, 'nak', rig.leases.slice(0, 1))
  change(rig, `UPDATE waiting_${queue} SET due_at = due_at - 1 WHERE position = 1`)
  const before = rig.call({ name: 'counts', body: { queue } }) as { ready: number; delayed: number }
  t.true(before.delayed === 1 && before.ready > 1)
  rig.wallMs -= 3_600_000
  rig.pass(1000)
  rig.append(queue, 'e')
  t.deepEqual(rig.damages.length, 1)
  t.like(rig.call({ name: 'counts', body: { queue } }), { ready: before.ready + 1, delayed: 1, damaged: 1 })
})

test('engine: a time that no clock can reach is damage of its message alone', (t) => {
  for (const column of ['due_at', 'expires_at']) {
    const rig = new EngineRig()
    const queue = rig.queue()
    const times = { dueAtMs: rig.wallMs + 5000, expiresAtMs: rig.wallMs + 60_000 }
    rig.append(queue, 'damaged', times)
    change(rig, `UPDATE waiting_${queue} SET ${column} = 9223372036854775807`)
    rig.append(queue, ['whole', 'too late'], times)
    rig.demand(queue, 1)
    rig.pass(5000)
    t.deepEqual(rig.leases.map(({ text }) => text), ['whole'], column)
    rig.pass(60_000)
    t.deepEqual(rig.events.filter(({ event }) => event === 'dead-lettered').map(({ position }) => position), [2, 3], column)
    t.deepEqual(rig.states, [], column)
  }
})

test('engine: a number that JavaScript does not hold is damage of its message alone: others are counted, dropped, expired and purged', (t) => {
  for (const column of ['due_at', 'expires_at', 'stored_at', 'sequence', 'attempts', 'sum']) {
    for (const number of ['9223372036854775807', '-9223372036854775808']) {
      const rig = new EngineRig()
      const queue = rig.queue('jobs', { maxMessages: 3, whenFull: 'drop-oldest', retentionMs: 10_000, deadLetter: { enabled: false } })
      rig.append(queue, ['damaged', 'a', 'b'])
      change(rig, `UPDATE waiting_${queue} SET ${column} = ${number} WHERE position = 1`)
      t.like(rig.call({ name: 'counts', body: { queue } }), { stored: 3 })
      rig.append(queue, 'c')
      t.is(rig.outcomes.at(-1), '1 stored 4+1', column)
      rig.demand(queue, 1)
      t.deepEqual(rig.leases.map(({ text }) => text), ['b'], column)
      t.is(rig.call({ name: 'purge', body: { queue, which: 'waiting', selection: 'all' } }), 1, column)
      rig.append(queue, 'd')
      rig.pass(10_000)
      t.like(rig.call({ name: 'counts', body: { queue } }), { dropped: 1, purged: 1, expired: 1, damaged: 1 }, column)
      t.deepEqual(rig.states, [], column)
    }
  }
})

test('engine: a session goes on behind a message that is damaged', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { ordering: { enabled: true } })
  rig.append(queue, ['a1', 'a2'], { session: 'a' })
  change(rig, `UPDATE waiting_${queue} SET stored_at = stored_at + 1 WHERE position = 1`)
  rig.demand(queue, 5)
  t.deepEqual(rig.leases.map(({ text }) => text), ['a2'])
  t.is(rig.damages.length, 1)
})

test('engine: neither expiry nor a full queue throws away what is not understood', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { maxMessages: 2, whenFull: 'drop-oldest', deadLetter: { enabled: false } })
  rig.append(queue, 'a', { expiresAtMs: rig.wallMs + 1000 })
  rig.append(queue, 'b')
  change(rig, `UPDATE waiting_${queue} SET session = 'x' WHERE position = 1`)
  rig.append(queue, 'c')
  t.like(rig.call({ name: 'counts', body: { queue } }), { dropped: 1, damaged: 1 })
  rig.pass(5000)
  const rows = rig.engine.state.database.sql.prepare(`SELECT position FROM waiting_${queue}`).all() as { position: number }[]
  t.deepEqual(rows.map(({ position }) => position), [1, 3])
})

test('engine: rows that are gone without having been settled are told as missing, once', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.append(queue, ['a', 'b', 'c'])
  change(rig, `DELETE FROM waiting_${queue} WHERE position = 2`)
  rig.demand(queue, 5)
  rig.settle(queue, 'ack', rig.leases)
  rig.append(queue, 'd')
  t.deepEqual(rig.leases.map(({ text }) => text), ['a', 'c', 'd'])
  t.deepEqual(rig.damages, ['jobs 0: 1 of 3 messages are missing'])
})

test('engine: a damaged dead letter is neither replayed nor forgotten', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { deadLetter: { maxAgeMs: 1000 } })
  rig.demand(queue, 2)
  rig.append(queue, ['a', 'b'])
  rig.settle(queue, 'term', rig.leases)
  change(rig, `UPDATE dead_${queue} SET died_at = 1 WHERE position = 1`)
  t.is(rig.call({ name: 'replay', body: { queue, which: [1] } }), 0)
  rig.pass(60_000)
  t.like(rig.call({ name: 'counts', body: { queue } }), { deadLetters: 1 })
  t.deepEqual(rig.damages, ['jobs 1: dead letter: attempts or due time do not fit their checksum'])
})

test('engine: an entry of the dedup window that is damaged makes no duplicate', (t) => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { deduplication: { enabled: true, storage: 'persistent' } })
  rig.append(queue, 'a', { messageId: 'one' })
  change(rig, `UPDATE ids_${queue} SET id = 'two'`)
  rig.append(queue, 'b', { messageId: 'two' })
  rig.append(queue, 'b', { messageId: 'two' })
  t.deepEqual(rig.outcomes, ['0 stored 1+1', '1 stored 2+1', '2 duplicate 2'])
})
