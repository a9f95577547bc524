import test from 'ava'
import fc from 'fast-check'
import { Recorder } from '../../../broker/observe/recorder.ts'

test('recorder: the last runs are remembered, and only those', t => {
  fc.assert(
    fc.property(fc.nat({ max: 100 }), runs => {
      const recorder = new Recorder(16)
      for (let i = 0; i < runs; i++) recorder.record(i * 1000, i + 1, 2 ** 52 + i, 1, `s${i}`, i + 2, i * 10, i % 3, 0, false)
      t.is(recorder.next, runs)
      t.is(recorder.oldest, Math.max(0, runs - 16))
      for (let seq = -1; seq <= runs; seq++) {
        const isKnown = seq >= recorder.oldest && seq < runs
        t.deepEqual(recorder.at(seq), isKnown ? { seq, timeMicros: seq * 1000, origin: seq + 1, firstId: 2 ** 52 + seq, kind: 1, subject: `s${seq}`, count: seq + 2, bytes: seq * 10, receivers: seq % 3, mid: undefined, to: 0, ref: 0, authorisedMicros: 0, routedMicros: -1, writtenMicros: -1, hasExceptions: false } : undefined)
      }
    }),
  )
})
