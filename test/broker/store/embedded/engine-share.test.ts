// How much of a backlog one transaction gives out: consumers work on one half of what they may have while the store commits the other.

import test from 'ava'
import { EngineRig, type RigLease } from '../../../support/engine-rig.ts'

const BACKLOG = Array.from({ length: 3000 }, (_, i) => `m${i}`)

/** What was leased since the last call. */
function taken(rig: EngineRig): RigLease[] {
  const { leases } = rig
  rig.leases = []
  return leases
}

function settled(rig: EngineRig, queue: number, leases: readonly RigLease[], more: number): void {
  rig.turn(turn => {
    turn.settle(queue, leases.map(({ position, attempt }) => ({ position, attempt, verdict: 'ack' })))
    turn.demand(queue, more)
  })
}

test('share: a window is given out in two transactions, and goes on so when its halves come back apart, or together', t => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { maxAckPending: 10_000 })
  rig.append(queue, BACKLOG)
  rig.demand(queue, 1000)
  const first = taken(rig)
  t.deepEqual([first.length, rig.waitMs], [500, 0], 'the rest follows at once')
  rig.run([])
  const second = taken(rig)
  t.is(second.length, 500)
  // One half comes back while the other one is still out.
  settled(rig, queue, first, 500)
  const third = taken(rig)
  t.is(third.length, 500)
  // Both at once, as from a consumer that was busy elsewhere.
  settled(rig, queue, [...second, ...third], 1000)
  t.is(taken(rig).length, 500)
  rig.run([])
  t.is(taken(rig).length, 500)
  rig.engine.close()
})

test('share: what consumers may have at most is halved where it is less than what they want', t => {
  const rig = new EngineRig()
  const queue = rig.queue('jobs', { maxAckPending: 600 })
  rig.append(queue, BACKLOG)
  rig.demand(queue, 2000)
  t.deepEqual([taken(rig).length, rig.waitMs], [300, 0])
  rig.run([])
  t.is(taken(rig).length, 300)
  rig.engine.close()
})

test('share: a small window goes at once, and there is no second transaction where nothing is left', t => {
  const rig = new EngineRig()
  const queue = rig.queue()
  rig.append(queue, BACKLOG.slice(0, 600))
  rig.demand(queue, 256)
  t.is(taken(rig).length, 256)
  t.not(rig.waitMs, 0)
  rig.demand(queue, 344)
  t.deepEqual([taken(rig).length, rig.waitMs], [300, 0])
  rig.settleDown()
  t.is(taken(rig).length, 44)
  // Handed over as they come: all at once, and nothing is left to do behind them.
  rig.demand(queue, 1000)
  rig.append(queue, BACKLOG.slice(0, 900))
  t.is(taken(rig).length, 900)
  t.not(rig.waitMs, 0)
  rig.engine.close()
})
