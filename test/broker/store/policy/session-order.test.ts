import test from 'ava'
import fc from 'fast-check'
import { SessionOrder } from '../../../../broker/store/policy/session-order.ts'

const perSession = { guarantee: 'per_session', timeoutMs: 100 } as const

test('session order: one message of a session goes at a time, others do not wait for it', (t) => {
  const order = new SessionOrder(perSession)
  t.true(order.arrive(1, 'a'))
  t.false(order.arrive(2, 'a'))
  t.true(order.arrive(3, 'b'))
  t.true(order.arrive(4, undefined))
  t.is(order.heldCount, 1)
  t.deepEqual([order.finish(3), order.finish(1), order.finish(2)], [0, 2, 0])
  t.true(order.isFree('a'))
})

test('session order: per queue, sessions make no difference', (t) => {
  const order = new SessionOrder({ ...perSession, guarantee: 'per_queue' })
  t.deepEqual([order.arrive(1, 'a'), order.arrive(2, 'b'), order.arrive(3, undefined)], [true, false, false])
  t.deepEqual([order.finish(1), order.finish(2), order.finish(3)], [2, 3, 0])
})

test('session order: a failed message holds its session until it comes again', (t) => {
  const order = new SessionOrder(perSession)
  order.arrive(1, 'a')
  order.arrive(2, 'a')
  t.is(order.fail(1, 1000), 0)
  t.is(order.nextTimeoutMs, 1100)
  t.deepEqual(order.timeOut(1099), [])
  t.true(order.arrive(1, 'a', true))
  t.is(order.nextTimeoutMs, Infinity)
  t.deepEqual(order.timeOut(5000), [], 'it is on its way again')
  t.is(order.finish(1), 2)
})

test('session order: a session goes on without a message that fails for too long, which then is the next', (t) => {
  const order = new SessionOrder(perSession)
  for (const position of [1, 2, 3]) order.arrive(position, 'a')
  order.fail(1, 1000)
  t.deepEqual(order.timeOut(1100), [2])
  t.false(order.arrive(1, 'a', true), 'another one is on its way')
  t.is(order.finish(2), 1)
  t.is(order.finish(1), 3)
  t.is(order.fail(3, 2000), 0)
  t.true(order.arrive(3, 'a', true))
  t.is(order.fail(3, 2100), 0, 'nobody else waits')
  t.true(order.isFree('a'))
})

test('session order: a clock that is set back does not prolong the wait', (t) => {
  const order = new SessionOrder(perSession)
  order.arrive(1, 'a')
  order.arrive(2, 'a')
  order.fail(1, 1_000_000)
  t.deepEqual(order.timeOut(500), [])
  t.deepEqual(order.timeOut(600), [2])
})

test('session order: those that are gone while they are held are passed by', (t) => {
  const order = new SessionOrder(perSession)
  for (const position of [1, 2, 3]) order.arrive(position, 'a')
  t.is(order.finish(2), 0)
  t.is(order.finish(1), 3)
  t.is(order.heldCount, 0)
})

test('session order: under any settling, sessions go one at a time and in order, and nobody is forgotten', (t) => {
  const step = fc.record({ session: fc.constantFrom('a', 'b', undefined), act: fc.constantFrom('arrive', 'finish', 'fail', 'again'), pick: fc.nat() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom('per_session', 'per_queue'), (steps, guarantee) => {
      const order = new SessionOrder({ guarantee, timeoutMs: 1e9 })
      const keyOf = new Map<number, string | undefined>()
      const going = new Set<number>()
      const failed = new Set<number>()
      const gone: number[] = []
      let last = 0
      const go = (position: number): void => {
        if (position === 0) return
        for (const other of going) if ((guarantee === 'per_queue' || keyOf.get(position) !== undefined) && (guarantee === 'per_queue' || keyOf.get(other) === keyOf.get(position))) throw new Error(`${position} goes beside ${other}`)
        going.add(position)
      }
      const settle = (position: number): void => {
        going.delete(position)
        gone.push(position)
        go(order.finish(position))
      }
      for (const { session, act, pick } of steps) {
        const some = [...(act === 'again' ? failed : going)]
        const position = some[pick % some.length] ?? 0
        if (act === 'arrive') {
          keyOf.set(++last, session)
          if (order.arrive(last, session)) go(last)
        } else if (position !== 0 && act === 'finish') settle(position)
        else if (position !== 0 && act === 'fail') {
          going.delete(position)
          failed.add(position)
          go(order.fail(position, 1))
        } else if (position !== 0) {
          failed.delete(position)
          if (order.arrive(position, keyOf.get(position), true)) go(position)
        }
      }
      for (const position of failed) if (order.arrive(position, keyOf.get(position), true)) go(position)
      while (going.size > 0) settle(going.values().next().value!)
      for (const key of guarantee === 'per_queue' ? ['all'] : ['a', 'b']) {
        const finished = gone.filter((position) => key === 'all' || keyOf.get(position) === key)
        if (finished.some((position, i) => i > 0 && position < finished[i - 1]!)) throw new Error(`not in order: ${finished.join(' ')}`)
      }
      return gone.length === last && order.heldCount === 0
    }),
  )
  t.pass()
})
