import test from 'ava'
import fc from 'fast-check'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { Turns, type Turn, type TurnLimits } from '../../../dialects/gateway/turns.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class Rig {
  readonly clock = new FakeClock()
  readonly turns: Turns
  readonly log: string[] = []
  readonly unwanted = new Set<string>()

  constructor(limits: Partial<TurnLimits> = {}) {
    const deadlines = new Deadlines(this.clock, { onError: error => { throw error } })
    this.turns = new Turns(deadlines, { perKey: 100, total: 1000, totalBytes: 1e6, ...limits })
  }

  enter(key: string, name: string, { bytes = 1, limitMs = 1000 } = {}): Turn {
    const { log, unwanted } = this
    const turn = this.turns.enter(key, bytes, limitMs, {
      get isWanted() {
        return !unwanted.has(name)
      },
      begin: () => log.push(name),
      expired: () => log.push(`${name} expired`),
    })
    if (turn.state === 'begun') log.push(name)
    return turn
  }

  async leave(turn: Turn): Promise<void> {
    this.turns.leave(turn)
    await Promise.resolve()
  }
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return BrokerError.from(error).code
  }
}

test('turns: equal keys one after another in the order of arrival, others at once', async t => {
  const rig = new Rig()
  const [a1, a2, b1] = [rig.enter('a', 'a1'), rig.enter('a', 'a2'), rig.enter('b', 'b1')]
  rig.enter('a', 'a3')
  t.deepEqual(rig.log, ['a1', 'b1'])
  await rig.leave(a1)
  t.deepEqual(rig.log, ['a1', 'b1', 'a2'])
  // Once is enough.
  await rig.leave(a1)
  await rig.leave(a2)
  t.deepEqual(rig.log, ['a1', 'b1', 'a2', 'a3'])
  await rig.leave(b1)
  t.is(rig.turns.size, 1)
})

test('turns: who leaves while waiting is passed over, and so is whom nobody wants', async t => {
  const rig = new Rig()
  const first = rig.enter('a', '1')
  const second = rig.enter('a', '2')
  rig.enter('a', '3')
  rig.enter('a', '4')
  rig.unwanted.add('3')
  await rig.leave(second)
  t.deepEqual(rig.log, ['1'])
  await rig.leave(first)
  t.deepEqual(rig.log, ['1', '4'])
  t.is(rig.turns.waiting, 0)
})

test('turns: time counts while waiting, not in the turn', async t => {
  const rig = new Rig()
  const first = rig.enter('a', '1', { limitMs: 10 })
  rig.enter('a', '2', { limitMs: 50 })
  const third = rig.enter('a', '3', { limitMs: 500 })
  await rig.clock.advance(100)
  t.deepEqual(rig.log, ['1', '2 expired'])
  await rig.leave(first)
  t.deepEqual(rig.log, ['1', '2 expired', '3'])
  await rig.clock.advance(1000)
  await rig.leave(third)
  t.deepEqual([rig.log.length, rig.turns.size], [3, 0])
})

test('turns: limits for one key, for all, and for the bytes of all', async t => {
  const rig = new Rig({ perKey: 2, total: 3, totalBytes: 1000 })
  const first = rig.enter('a', 'a1', { bytes: 5000 })
  rig.enter('b', 'b1')
  for (const name of ['a2', 'a3']) rig.enter('a', name)
  t.is(codeOf(() => rig.enter('a', 'a4')), 'order.limit')
  t.is(codeOf(() => rig.enter('b', 'b2', { bytes: 999 })), 'order.limit')
  rig.enter('b', 'b2')
  t.is(codeOf(() => rig.enter('b', 'b3')), 'order.limit')
  await rig.leave(first)
  rig.enter('b', 'b3')
  t.is(rig.turns.waiting, 3)
})

test('turns: a thousand that leave as soon as they begin do not nest', async t => {
  const rig = new Rig({ perKey: 10_000, total: 10_000 })
  const done = Promise.withResolvers<undefined>()
  let begun = 0
  const first = rig.enter('a', 'first')
  for (let i = 0; i < 9000; i++) {
    const turn: Turn = rig.turns.enter('a', 1, 1000, { isWanted: true, expired: () => t.fail(), begin: () => {
      rig.turns.leave(turn)
      if (++begun === 9000) done.resolve(undefined)
    } })
  }
  rig.turns.leave(first)
  await done.promise
  await Promise.resolve()
  t.is(rig.turns.size, 0)
})

test('turns: whatever comes and goes, one at a time has the turn of a key, in order, and nothing is left', async t => {
  const step = fc.record({ key: fc.constantFrom('a', 'b'), leaves: fc.boolean(), at: fc.nat(9) })
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
    const rig = new Rig()
    const entered: { key: string; number: number; turn: Turn }[] = []
    const begun: Record<string, number[]> = { a: [], b: [] }
    for (const [number, { key, leaves, at }] of steps.entries()) {
      if (leaves && entered.length > 0) await rig.leave(entered.splice(at % entered.length, 1)[0]!.turn)
      else {
        const turn = rig.turns.enter(key, 1, 1000, { isWanted: true, begin: () => begun[key]!.push(number), expired: () => t.fail() })
        if (turn.state === 'begun') begun[key]!.push(number)
        entered.push({ key, number, turn })
      }
      for (const each of ['a', 'b']) {
        const own = entered.filter(({ key: other }) => other === each)
        t.is(own.filter(({ turn }) => turn.state === 'begun').length, Math.min(1, own.length))
        t.deepEqual(begun[each], begun[each]!.toSorted((x, y) => x - y))
      }
    }
    for (const { turn } of entered) await rig.leave(turn)
    t.deepEqual([rig.turns.size, rig.turns.waiting], [0, 0])
  }))
})
