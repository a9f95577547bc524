import test from 'ava'
import fc from 'fast-check'
import { RecentIds } from '../../../broker/session/recent-ids.ts'

test('recent ids: an id is a repeat exactly when it was new within the window', t => {
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), later: fc.nat({ max: 30 }) }), { maxLength: 200 }), steps => {
      const ids = new RecentIds(1000, () => t.fail('there is room'))
      const accepted = new Map<string, number>()
      let nowMs = 0
      for (const { id, later } of steps) {
        nowMs += later
        const cameMs = accepted.get(id)
        const expected = cameMs !== undefined && nowMs - cameMs < 50
        t.is(ids.isRepeat(id, nowMs, 50), expected)
        if (!expected) accepted.set(id, nowMs)
      }
    }),
  )
  t.pass()
})

test('recent ids: no more than so many are kept, the oldest go, and that is told once', t => {
  let told = 0
  const ids = new RecentIds(3, () => told++)
  for (const id of ['a', 'b', 'c']) ids.isRepeat(id, 0, 50)
  t.is(told, 0)
  ids.isRepeat('d', 1, 50)
  ids.isRepeat('e', 1, 50)
  t.is(ids.size, 3)
  t.is(told, 1)
  t.true(ids.isRepeat('c', 2, 50))
  t.false(ids.isRepeat('a', 2, 50))
  // What is over goes by itself, however slowly they come.
  for (let i = 0; i < 10; i++) ids.isRepeat(`x${i}`, 100 + i * 60, 50)
  t.true(ids.size <= 2)
})
