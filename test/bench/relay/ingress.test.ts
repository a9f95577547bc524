import test from 'ava'
import fc from 'fast-check'
import { Ingress } from '../../../bench/relay/ingress.ts'
import { Lane } from '../../../bench/relay/lane.ts'
import { decodeFrame, encodeFrame } from '../../../broker/wire/frame.ts'
import { Kind } from '../../../broker/wire/layout.ts'

/** Keeps what was appended, in order, instead of writing it. */
class Appended {
  readonly pieces: { lane: Lane; piece: Buffer }[] = []
  append(lane: Lane, piece: Uint8Array): void {
    this.pieces.push({ lane, piece: Buffer.from(piece) })
  }
  bytesOf(lane: Lane): Buffer {
    return Buffer.concat(this.pieces.filter(one => one.lane === lane).map(one => one.piece))
  }
}

function setUp(): { ingress: Ingress; appended: Appended; lanes: ReadonlyMap<string, Lane>; requester: Lane; controls: number[] } {
  const appended = new Appended()
  const lanes = new Map(['a', 'b', 'a.long.subject'].map(subject => [subject, new Lane()]))
  const requester = new Lane()
  const controls: number[] = []
  const directory = { bySubject: (subject: string) => lanes.get(subject), byOrigin: (origin: number) => (origin === 9 ? requester : undefined) }
  const ingress = new Ingress(7, directory, appended, (bytes, start, end) => controls.push(decodeFrame(bytes, start, end).id))
  return { ingress, appended, lanes, requester, controls }
}

test('ingress: every receiver gets exactly the frames of its subject, however the bytes are cut', t => {
  const frame = fc.record({ subject: fc.constantFrom('a', 'b', 'a.long.subject', 'nobody'), size: fc.nat(300) })
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (frames, cuts) => {
      const { ingress, appended, lanes } = setUp()
      const encoded = frames.map(({ subject, size }, i) => encodeFrame({ kind: Kind.publish, id: i + 1, subject, payload: Buffer.alloc(size, i) }))
      feed(ingress, Buffer.concat(encoded), cuts)
      for (const [subject, lane] of lanes) t.deepEqual(appended.bytesOf(lane), Buffer.concat(encoded.filter((_, i) => frames[i]!.subject === subject)))
    }),
    { numRuns: 60 },
  )
})

test('ingress: neighbours with one subject leave as one piece', t => {
  const { ingress, appended, lanes } = setUp()
  const a = encodeFrame({ kind: Kind.publish, id: 1, subject: 'a' })
  const b = encodeFrame({ kind: Kind.publish, id: 2, subject: 'b' })
  ingress.receive(Buffer.concat([a, a, a, b, b, a]))
  t.deepEqual(appended.pieces.map(one => [one.lane === lanes.get('a') ? 'a' : 'b', one.piece.length]), [
    ['a', 3 * a.length],
    ['b', 2 * b.length],
    ['a', a.length],
  ])
})

test('ingress: a request is stamped with its origin, its answer goes to the origin it names', t => {
  const { ingress, appended, lanes, requester } = setUp()
  ingress.receive(encodeFrame({ kind: Kind.request, id: 1, subject: 'a' }))
  ingress.receive(encodeFrame({ kind: Kind.response, id: 2, to: 9, ref: 5, subject: 'a' }))
  const request = appended.bytesOf(lanes.get('a')!)
  t.is(decodeFrame(request, 0, request.length).origin, 7)
  const answer = appended.bytesOf(requester)
  t.like(decodeFrame(answer, 0, answer.length), { kind: Kind.response, ref: 5 })
})

test('ingress: control frames are handed over in their place and sent to nobody', t => {
  const { ingress, appended, lanes, controls } = setUp()
  const a = encodeFrame({ kind: Kind.publish, id: 1, subject: 'a' })
  ingress.receive(Buffer.concat([a, encodeFrame({ kind: Kind.subscribe, id: 2 }), a]))
  t.deepEqual(controls, [2])
  t.deepEqual(appended.bytesOf(lanes.get('a')!), Buffer.concat([a, a]))
})

test('ingress: after forget() a subject is looked up again', t => {
  const first = new Lane()
  const second = new Lane()
  let current = first
  const appended = new Appended()
  const ingress = new Ingress(7, { bySubject: () => current, byOrigin: () => undefined }, appended, () => {})
  const frame = encodeFrame({ kind: Kind.publish, id: 1, subject: 'a' })
  ingress.receive(Buffer.from(frame))
  current = second
  ingress.forget()
  ingress.receive(Buffer.from(frame))
  t.deepEqual(appended.pieces.map(one => one.lane), [first, second])
})

function feed(ingress: Ingress, bytes: Buffer, cuts: readonly number[]): void {
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    if (at < bytes.length) ingress.receive(Buffer.from(bytes.subarray(at, at + cut)))
    at += cut
  }
}
