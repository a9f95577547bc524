// What was read before it was asked for is what is given out, unless it changed meanwhile.

import test from 'ava'
import type { MessageRow } from '../../../../broker/store/embedded/message-row.ts'
import { ReadAhead } from '../../../../broker/store/embedded/read-ahead.ts'
import { EngineRig } from '../../../support/engine-rig.ts'

function row(position: number, bytes = 10): MessageRow {
  return { position, bytes, attempts: 0, due_at: 0, expires_at: 0, stored_at: 1, sequence: 0, session: null, sum: 0, message_id: null, errors: null, frame: new Uint8Array(bytes) }
}

const positions = (rows: readonly MessageRow[] | undefined): number[] | undefined => rows?.map(({ position }) => position)

/** Names of messages that are on lease, in the order in which they were given out. */
const names = ({ leases }: EngineRig): string[] => leases.map(({ text }) => text)

test('read-ahead: rows are taken from where they begin, so many and so large as is asked', t => {
  const ahead = new ReadAhead()
  ahead.hold(2, [row(3), row(5), row(6, 30), row(9)])
  t.is(ahead.take(1, 10, 1000), undefined)
  t.deepEqual(positions(ahead.take(2, 1, 1000)), [3])
  t.is(ahead.take(2, 1, 1000), undefined, 'they begin behind 3 now')
  t.deepEqual(positions(ahead.take(3, 10, 20)), [5])
  t.deepEqual(positions(ahead.take(5, 10, 20)), [6], 'one, however large it is')
  t.true(ahead.begins(6))
  t.deepEqual(positions(ahead.take(6, 10, 20)), [9])
  t.false(ahead.begins(9))
})

test('read-ahead: a change of any of the rows that are left makes all of them be read anew, one elsewhere does not', t => {
  for (const [first, last, isLeft] of [[1, 3, true], [7, 9, true], [4, 4, false], [1, 4, false], [6, 8, false], [5, 5, false]] as const) {
    const ahead = new ReadAhead()
    ahead.hold(2, [row(3), row(4), row(6)])
    ahead.take(2, 1, 1000)
    ahead.forget(first, last)
    t.is(ahead.begins(3), isLeft, `${first} to ${last}`)
  }
})

test('read-ahead: as many messages as were given out are read while nobody waits, and go to whoever asks next', t => {
  const rig = new EngineRig()
  const queue = rig.queue()
  for (const text of 'abcdef') rig.append(queue, text)
  rig.demand(queue, 2)
  // Behind the store's back: who reads now finds nothing.
  rig.engine.state.database.sql.exec(`DELETE FROM waiting_${queue} WHERE position > 2`)
  rig.demand(queue, 4)
  t.deepEqual(names(rig), ['a', 'b', 'c', 'd'])
  rig.engine.close()
})

test('read-ahead: what is delayed, purged, dropped or expired meanwhile is not given out as it was read', t => {
  const rig = new EngineRig()
  const delayed = rig.queue('delayed')
  rig.append(delayed, ['a'])
  rig.append(delayed, ['b'], { dueAtMs: rig.wallMs + 1000 })
  rig.append(delayed, ['c'])
  rig.demand(delayed, 1)
  // The row of b changes, which was read as one that is not due.
  rig.pass(1000)
  rig.demand(delayed, 2)
  t.deepEqual(names(rig), ['a', 'b', 'c'])

  rig.leases = []
  const purged = rig.queue('purged')
  rig.append(purged, ['a', 'b', 'c'])
  rig.demand(purged, 1)
  rig.call({ name: 'purge', body: { queue: purged, which: 'waiting', selection: [2] } })
  rig.demand(purged, 1)
  t.deepEqual(names(rig), ['a', 'c'])

  rig.leases = []
  const full = rig.queue('full', { maxMessages: 3, whenFull: 'drop-oldest' })
  rig.append(full, ['a', 'b', 'c'])
  rig.demand(full, 1)
  rig.append(full, 'd')
  rig.demand(full, 2)
  t.deepEqual(names(rig), ['a', 'c', 'd'])

  rig.leases = []
  const old = rig.queue('old')
  rig.append(old, 'a')
  rig.append(old, 'b', { expiresAtMs: rig.wallMs + 1000 })
  rig.append(old, 'c')
  rig.demand(old, 1)
  rig.pass(1000)
  rig.demand(old, 1)
  t.deepEqual(names(rig), ['a', 'c'])
  rig.engine.close()
})

test('read-ahead: what was read, and given out by a transaction that failed, is given out by the next one', t => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.append(queue, ['a', 'b', 'c', 'd'])
  rig.demand(queue, 2)
  const { database } = rig.engine.state
  const commit = database.commit.bind(database)
  database.commit = () => {
    throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
  }
  rig.demand(queue, 2)
  t.deepEqual(names(rig), ['a', 'b'])
  database.commit = commit
  rig.pass(10_000)
  t.deepEqual(names(rig), ['a', 'b', 'c', 'd'])
  t.deepEqual(rig.leases.map(({ attempt }) => attempt), [1, 1, 1, 1])
  rig.engine.close()
})
