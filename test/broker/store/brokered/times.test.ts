import test from 'ava'
import fc from 'fast-check'
import { Times } from '../../../../broker/store/brokered/times.ts'

test('times: whatever is added, those whose time has come are taken in order of their times', t => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 100 })), fc.array(fc.nat({ max: 100 })), (atMs, nows) => {
      const times = new Times()
      const left = atMs.map((at, position) => ({ at, position }))
      for (const { at, position } of left) times.add(at, position)
      for (const now of nows.toSorted((a, b) => a - b)) {
        const due = times.due(now)
        t.deepEqual(due.map(position => atMs[position]), left.filter(({ at }) => at <= now).map(({ at }) => at).toSorted((a, b) => a - b))
        left.splice(0, left.length, ...left.filter(({ at }) => at > now))
        t.is(times.nextMs, Math.min(Infinity, ...left.map(({ at }) => at)))
      }
    }),
  )
})
