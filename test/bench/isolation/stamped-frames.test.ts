import test from 'ava'
import fc from 'fast-check'
import { Burst, StampReader } from '../../../bench/isolation/stamped-frames.ts'
import { encodeFrame } from '../../../broker/wire/frame.ts'
import { Kind } from '../../../broker/wire/layout.ts'

test('stamps: each message says when it was due, however the bytes are cut', t => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 32 - 1), { minLength: 1, maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 60 }), (dues, cuts) => {
      const burst = new Burst(3, 16, 'bare')
      const wire = Buffer.concat(dues.map((due, i) => Buffer.from(burst.encode(1 + i * 3, due))))
      const read: number[] = []
      const reader = new StampReader(16, due => read.push(due))
      let at = 0
      for (const cut of [...cuts, wire.length]) {
        reader.receive(wire.subarray(at, at + cut))
        at += cut
      }
      t.is(reader.problem, undefined)
      t.is(reader.messages, dues.length * 3)
      t.deepEqual(read, dues.flatMap(due => [due, due, due]))
    }),
    { numRuns: 60 },
  )
})

test('stamps: bytes that the kernel did not take stay as they are when the burst goes on in others', t => {
  const burst = new Burst(2, 16, 'bare')
  const first = burst.encode(1, 111)
  const before = Buffer.from(first)
  burst.renew()
  const second = Buffer.from(burst.encode(3, 222))
  t.deepEqual(Buffer.from(first), before)
  const read: number[] = []
  const reader = new StampReader(16, due => read.push(due))
  reader.receive(Buffer.concat([before, second]))
  t.deepEqual(read, [111, 111, 222, 222])
})

test('stamps: a message that is missing, one that comes twice, and a frame of another kind are problems', t => {
  const read = (...frames: readonly Uint8Array[]): string | undefined => {
    const reader = new StampReader(16, () => {})
    for (const frame of frames) reader.receive(frame)
    return reader.problem
  }
  const burst = new Burst(1, 16, 'bare')
  const message = (id: number): Uint8Array => Uint8Array.from(burst.encode(id, 5))
  t.is(read(message(7), message(8)), undefined)
  t.regex(read(message(7), message(9))!, /message 9 came behind 7/)
  t.regex(read(message(7), message(7))!, /message 7 came behind 7/)
  const goodbye = encodeFrame({ kind: Kind.goodbye, payload: new Uint8Array(200) })
  t.regex(read(message(7), goodbye)!, /kind 28/)
})
