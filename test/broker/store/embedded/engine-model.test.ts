// Anything may happen to the engine in any order, a full disk and a kill included: what was told stays true, and nothing is forgotten.

import test from 'ava'
import fc from 'fast-check'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const overrides = { ordering: { enabled: true, timeoutMs: 1e9 }, ackWaitMs: 5000, retry: { maxAttempts: 0, backoff: [100] } } as const

const step = fc.oneof(
  fc.record({ act: fc.constant('append' as const), session: fc.constantFrom('a', 'b', undefined), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ act: fc.constant('demand' as const), more: fc.integer({ min: -3, max: 6 }) }),
  fc.record({ act: fc.constant('settle' as const), verdict: fc.constantFrom('ack' as const, 'ack' as const, 'nak' as const, 'release' as const, 'working' as const), pick: fc.nat() }),
  fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 100, 6000) }),
  ...(['squeeze', 'relax', 'reopen', 'set back'] as const).map((act) => fc.record({ act: fc.constant(act) })),
)

class World {
  readonly rig: EngineRig
  queue: number
  readonly stored = new Map<number, string | undefined>()
  /** In the order in which it was confirmed. */
  readonly acked: number[] = []
  #told = 0
  #number = 0
  readonly #asked = new Map<number, { readonly session: string | undefined } | { readonly acked: number }>()

  constructor(directory: string) {
    this.rig = new EngineRig(directory)
    this.queue = this.rig.queue('jobs', overrides)
  }

  append(session: string | undefined, count: number, padding = 0): void {
    this.#asked.set(this.#number++, { session })
    this.rig.append(this.queue, Array.from({ length: count }, () => 'm'), { session, padding })
    this.read()
  }

  settle(verdict: 'ack' | 'nak' | 'release' | 'working', position: number, attempt: number): void {
    this.#asked.set(this.#number++, { acked: verdict === 'ack' ? position : 0 })
    this.rig.settle(this.queue, verdict, [{ position, attempt }])
    this.read()
  }

  // Which of what was asked is confirmed.
  read(): void {
    for (; this.#told < this.rig.outcomes.length; this.#told++) {
      const [number, what, place] = this.rig.outcomes[this.#told]!.split(' ')
      const asked = this.#asked.get(Number(number))!
      if (what === 'stored' && 'session' in asked) {
        const [first, count] = place!.split('+').map(Number)
        for (let i = 0; i < count!; i++) {
          if (this.stored.has(first! + i)) throw new Error(`position ${first! + i} was given twice`)
          this.stored.set(first! + i, asked.session)
        }
      } else if (what === 'settled' && place === undefined && 'acked' in asked && asked.acked > 0) this.acked.push(asked.acked)
    }
  }

  limit(more: number): void {
    const { sql } = this.rig.engine.state.database
    const { page_count: count } = sql.prepare('PRAGMA page_count').get() as { page_count: number }
    sql.exec(`PRAGMA max_page_count = ${count + more}`)
  }

  reopen(): void {
    this.rig.reopen()
    this.#told = this.#number = 0
    this.#asked.clear()
    this.queue = this.rig.queue('jobs', overrides)
  }

  /** Acks all there is, as it comes. */
  drain(): void {
    this.limit(1e6)
    this.rig.pass(20_000)
    this.reopen()
    this.rig.demand(this.queue, 1_000_000)
    for (let done = 0, quiet = 0; quiet < 3; ) {
      const lease = this.rig.leases[done]
      if (lease === undefined) {
        this.rig.pass(6000)
        quiet++
        continue
      }
      quiet = 0
      done++
      this.settle('ack', lease.position, lease.attempt)
    }
  }
}

test('engine: whatever happens, each message that was stored is delivered until it is acked, in its order, and counted once', (t) => {
  let restarts = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
      const world = new World(temporaryDirectory(t))
      for (const each of steps) {
        const { rig } = world
        if (each.act === 'append') world.append(each.session, each.count)
        else if (each.act === 'demand') rig.demand(world.queue, each.more)
        else if (each.act === 'pass') rig.pass(each.ms)
        else if (each.act === 'relax') world.limit(1e6)
        else if (each.act === 'set back') rig.wallMs -= 3_600_000
        else if (each.act === 'squeeze') {
          world.limit(1)
          world.append('a', 1, 60_000)
        } else if (each.act === 'reopen') {
          world.limit(1e6)
          restarts++
          world.reopen()
        } else if (each.act === 'settle') {
          const lease = rig.leases[each.pick % Math.max(1, rig.leases.length)]
          if (lease !== undefined) world.settle(each.verdict, lease.position, lease.attempt)
        }
      }
      world.drain()
      const counts = world.rig.call({ name: 'counts', body: { queue: world.queue } }) as Record<string, number>
      const { acked, stored, rig } = world
      rig.engine.close()
      t.deepEqual(rig.damages, [])
      t.deepEqual(acked.toSorted((a, b) => a - b), [...stored.keys()])
      t.like(counts, { stored: stored.size, acked: stored.size, ready: 0, delayed: 0, held: 0, inFlight: 0, bytes: 0 })
      for (const session of ['a', 'b']) {
        const order = acked.filter((position) => stored.get(position) === session)
        t.deepEqual(order, order.toSorted((a, b) => a - b), `session ${session}`)
      }
    }),
    { numRuns: Number(process.env['CALLBOARD_TORTURE_ROUNDS'] ?? 1) * 15, includeErrorInReport: true },
  )
  t.true(restarts > 0)
})
