// Links on which messages are pieces of a stream: of any kind and size, in frames as they like, and with pings in between.

import test from 'ava'
import fc from 'fast-check'
import { BINARY, clientFrame, CLOSE, closePayload, PING, PONG, TEXT, type SentFrame } from '../../support/websocket-frames.ts'
import { WebSocketRig } from '../../support/websocket-rig.ts'
import { sameBytes } from '../../support/same-bytes.ts'

const openRig = (isAdmitted = true): WebSocketRig => new WebSocketRig({ isStream: true, isAdmitted, maxMessageBytes: 64 })
const streamOf = (rig: WebSocketRig): string => Buffer.concat(rig.stretches.map(({ bytes }) => bytes)).toString('latin1')

test('websocket stream: messages of one chunk are one stretch of its memory, and borders are not told', t => {
  const rig = openRig()
  rig.arrive(Buffer.concat([clientFrame({ payload: 'PUB a 3\r\n' }), clientFrame({ payload: 'abc' }), clientFrame({ opcode: TEXT, payload: '\r\nPING\r\n' }), clientFrame()]))
  t.deepEqual(rig.stretches.map(({ bytes, endsMessage }) => [String(bytes), endsMessage]), [['PUB a 3\r\nabc\r\nPING\r\n', false]])
  t.is(rig.link.framing, 'stream')
  t.is(rig.problem, undefined)
})

test('websocket stream: a frame is handed over as it comes, and may be larger than any message elsewhere', t => {
  for (const isAdmitted of [true, false]) {
    const rig = openRig(isAdmitted)
    const payload = Buffer.alloc(1_000_000, 'x')
    const frame = clientFrame({ payload })
    rig.arrive(frame.subarray(0, 500_000))
    t.is(rig.stretches.length, 1)
    rig.arrive(frame.subarray(500_000))
    sameBytes(t, Buffer.concat(rig.stretches.map(({ bytes }) => bytes)), payload)
    t.is(rig.problem, undefined)
  }
})

test('websocket stream: what leaves is binary messages', t => {
  const rig = openRig(false)
  const { wrap } = rig.link
  rig.link.write(wrap!([Buffer.from('INFO {}\r\n'), Buffer.from('PING\r\n')]))
  t.deepEqual(rig.sent().map(({ opcode, payload }) => [opcode, String(payload)]), [[BINARY, 'INFO {}\r\nPING\r\n']])
})

test('websocket stream: frames that are out of order, compressed, or no frames end the link', t => {
  const cases: [what: string, frames: SentFrame[], before: string][] = [
    ['a continuation of nothing', [{ payload: 'a' }, { opcode: 0, payload: 'b' }], 'a'],
    ['a message in the middle of another', [{ fin: false, payload: 'a' }, { payload: 'b' }], 'a'],
    ['a reserved bit', [{ payload: 'a' }, { rsv: 2, payload: 'b' }], 'a'],
    ['a compressed message, which was not agreed on', [{ payload: 'a' }, { rsv: 4, payload: 'b' }], 'a'],
    ['no mask', [{ payload: 'a' }, { mask: false, payload: 'b' }], 'a'],
    ['an unknown kind', [{ payload: 'a' }, { opcode: 3, payload: 'b' }], 'a'],
    ['a long ping', [{ payload: 'a' }, { opcode: PING, payload: 'p'.repeat(126) }], 'a'],
  ]
  for (const [what, frames, before] of cases) {
    const rig = openRig()
    rig.arrive(Buffer.concat([...frames.map(frame => clientFrame(frame)), clientFrame({ payload: 'behind' })]))
    t.is(rig.problem?.code, 'websocket.protocol', what)
    t.is(streamOf(rig), before, what)
  }
})

test('websocket stream: an impossible length ends the link before anything is kept', t => {
  const rig = openRig()
  rig.arrive(clientFrame({ payload: 'x', lengthForm: 8, length: 2n ** 62n }))
  t.is(rig.problem?.code, 'websocket.too_large')
})

test('websocket stream: a close frame ends it, and what comes behind is passed over', t => {
  const rig = openRig()
  rig.arrive(Buffer.concat([clientFrame({ payload: 'before' }), clientFrame({ opcode: CLOSE, payload: closePayload(1000) }), clientFrame({ payload: 'behind' })]))
  t.true(rig.isEnded)
  t.is(streamOf(rig), 'before')
})

const mask = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })))
const payload = fc.tuple(fc.oneof(fc.nat(12), fc.integer({ min: 120, max: 130 }), fc.integer({ min: 500, max: 70_000 })), fc.integer({ min: 1, max: 255 })).map(([length, seed]) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * seed) & 0xff)))
const message = fc.record({ opcode: fc.constantFrom(TEXT, BINARY), parts: fc.array(payload, { minLength: 1, maxLength: 4 }), ping: fc.boolean() })
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })), { minLength: 1, maxLength: 60 })

test('websocket stream: any legal sequence of frames gives the same stream, however it is cut', t => {
  const property = fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), mask, cuts, (messages, key, sizes) => {
    const rig = openRig()
    const frames = messages.flatMap(({ opcode, parts, ping }) => parts.flatMap((part, i): SentFrame[] => [
      ...(ping ? [{ opcode: PING, payload: 'p', mask: key }] : []),
      { opcode: i === 0 ? opcode : 0, fin: i === parts.length - 1, payload: part, mask: key },
    ]))
    const bytes = Buffer.concat(frames.map(frame => clientFrame(frame)))
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const end = Math.min(bytes.length, at + sizes[i % sizes.length]!)
      rig.arrive(bytes.subarray(at, end))
      at = end
    }
    t.is(rig.problem, undefined)
    t.is(streamOf(rig), Buffer.concat(messages.flatMap(({ parts }) => parts)).toString('latin1'))
    t.true(rig.stretches.every(({ bytes: stretch, endsMessage }) => stretch.length > 0 && !endsMessage))
    const pings = frames.filter(({ opcode }) => opcode === PING).length
    t.is(rig.sent().filter(({ opcode }) => opcode === PONG).length > 0, pings > 0)
  })
  fc.assert(property, { numRuns: 60 })
})
