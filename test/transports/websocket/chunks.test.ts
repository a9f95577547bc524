// However the network cuts what was sent, the same messages arrive: properties over random frames in random chunks.

import test from 'ava'
import fc from 'fast-check'
import { BINARY, clientFrame, PING, PONG, TEXT, type SentFrame } from '../../support/websocket-frames.ts'
import { WebSocketRig } from '../../support/websocket-rig.ts'

const mask = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })))
const size = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 120, max: 130 }), fc.integer({ min: 500, max: 70_000 }))
const payload = fc.tuple(size, fc.integer({ min: 1, max: 255 })).map(([length, seed]) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * seed) & 0x7f)))
const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })), { minLength: 1, maxLength: 60 })

interface Message {
  readonly parts: Buffer[]
  /** A ping in front of each part, or none. */
  readonly pings: (number | undefined)[]
}

const message: fc.Arbitrary<Message> = fc.array(fc.tuple(payload, fc.option(fc.integer({ min: 0, max: 125 }), { nil: undefined })), { minLength: 1, maxLength: 4 }).map(parts => ({ parts: parts.map(([part]) => part), pings: parts.map(([, ping]) => ping) }))

function framesOf(opcode: number, { parts, pings }: Message, key: readonly number[]): SentFrame[] {
  return parts.flatMap((part, i) => {
    const ping = pings[i]
    const frame: SentFrame = { opcode: i === 0 ? opcode : 0, fin: i === parts.length - 1, payload: part, mask: key }
    return ping === undefined ? [frame] : [{ opcode: PING, payload: Buffer.alloc(ping, 'p'), mask: key }, frame]
  })
}

/** `bytes` in chunks of these sizes, over and over. */
function arriveInChunks(rig: WebSocketRig, bytes: Buffer, sizes: readonly number[]): void {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + sizes[i % sizes.length]!)
    rig.arrive(bytes.subarray(at, end))
    at = end
  }
}

test('websocket chunks: any legal sequence of frames gives the same messages, however it is cut', t => {
  const property = fc.property(fc.constantFrom(TEXT, BINARY), fc.array(message, { minLength: 1, maxLength: 6 }), mask, cuts, (opcode, messages, key, sizes) => {
    const rig = new WebSocketRig()
    arriveInChunks(rig, Buffer.concat(messages.flatMap(one => framesOf(opcode, one, key)).map(frame => clientFrame(frame))), sizes)
    t.is(rig.problem, undefined)
    t.deepEqual(rig.messages.map(got => got.toString('latin1')), messages.map(({ parts }) => Buffer.concat(parts).toString('latin1')))
    const pings = messages.flatMap(one => one.pings).filter(ping => ping !== undefined)
    const pongs = rig.sent().filter(({ opcode: sent }) => sent === PONG).map(frame => frame.payload.length)
    // Of many pings in one chunk only some are answered; those in order, and the last.
    t.deepEqual(pongs.length <= 32 ? pongs : [], pings.length <= 32 ? pings : [])
  })
  fc.assert(property, { numRuns: 60 })
})

/** Length-prefixed, as native frames are. */
function unit(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return Buffer.concat([head, bytes])
}

const unitMessage = fc.tuple(fc.array(payload.map(unit), { minLength: 1, maxLength: 4 }), fc.option(fc.integer({ min: 1, max: 3 }), { nil: 0, freq: 4 })).map(([units, missing]) => {
  const bytes = Buffer.concat(units)
  return { bytes: bytes.subarray(0, bytes.length - missing), isWhole: missing === 0 }
})

test('websocket chunks: merged or not, the bytes of binary messages are the same, and one that ends within a frame ends by itself', t => {
  const property = fc.property(fc.array(fc.tuple(unitMessage, mask), { minLength: 1, maxLength: 12 }), cuts, (messages, sizes) => {
    const rig = new WebSocketRig({ isAdmitted: true })
    arriveInChunks(rig, Buffer.concat(messages.map(([{ bytes }, key]) => clientFrame({ payload: bytes, mask: key }))), sizes)
    t.is(rig.problem, undefined)
    const expected = Buffer.concat(messages.map(([{ bytes }]) => bytes))
    t.true(Buffer.concat(rig.stretches.map(({ bytes }) => bytes)).equals(expected))
    const ends = new Set<number>()
    let at = 0
    for (const { bytes, endsMessage } of rig.stretches) {
      at += bytes.length
      if (endsMessage) ends.add(at)
    }
    let end = 0
    for (const [{ bytes, isWhole }] of messages) {
      end += bytes.length
      if (!isWhole) t.true(ends.has(end), `a broken message ends at ${end}`)
    }
    t.true(ends.has(end))
  })
  fc.assert(property, { numRuns: 80 })
})

test('websocket chunks: whole native frames of one chunk are one stretch of it, whatever messages they came in', t => {
  const units = Array.from({ length: 50 }, (_, i) => unit(Buffer.alloc(100 + i, i)))
  const frames = [clientFrame({ payload: Buffer.concat(units.slice(0, 20)) }), ...units.slice(20).map(payload => clientFrame({ payload }))]
  const rig = new WebSocketRig({ isAdmitted: true })
  rig.arrive(Buffer.concat(frames))
  t.is(rig.stretches.length, 1)
  t.true(rig.stretches[0]!.bytes.equals(Buffer.concat(units)))
  t.true(rig.stretches[0]!.endsMessage)
  // In the middle of a message too: what follows joins it.
  const cut = new WebSocketRig({ isAdmitted: true })
  const wire = Buffer.concat(frames)
  cut.arrive(wire.subarray(0, 1000))
  cut.arrive(wire.subarray(1000))
  t.is(cut.stretches.length, 2)
  t.deepEqual(cut.stretches.map(({ endsMessage }) => endsMessage), [false, true])
})

test('websocket chunks: a control frame, or one that ends within a frame, divides the stretch', t => {
  const [a, b, c] = ['a', 'b', 'c'].map(text => unit(Buffer.from(text))) as [Buffer, Buffer, Buffer]
  const divided = new WebSocketRig({ isAdmitted: true })
  divided.arrive(Buffer.concat([clientFrame({ payload: a }), clientFrame({ opcode: PING }), clientFrame({ payload: b })]))
  t.is(divided.stretches.length, 2)
  const broken = new WebSocketRig({ isAdmitted: true })
  broken.arrive(Buffer.concat([clientFrame({ payload: a }), clientFrame({ payload: b.subarray(0, 4) }), clientFrame({ payload: c })]))
  t.deepEqual(broken.stretches.map(({ bytes, endsMessage }) => [bytes.length, endsMessage]), [[9, true], [5, true]])
})

test('websocket chunks: before the client is let in every message comes by itself, so that the first can change the rules for the next', t => {
  const rig = new WebSocketRig({ maxMessageBytes: 1000 })
  const admit = rig.received.bind(rig)
  rig.received = (chunk, endsMessage) => {
    admit(chunk, endsMessage)
    rig.link.admitted(10_000)
  }
  rig.arrive(Buffer.concat([clientFrame({ payload: unit(Buffer.from('hello')) }), clientFrame({ payload: unit(Buffer.alloc(5000)) })]))
  t.is(rig.problem, undefined)
  t.deepEqual(rig.stretches.map(({ bytes }) => bytes.length), [9, 5004])
})

test('websocket chunks: what a fragmented message keeps does not change when the memory of its chunk is given back', t => {
  const rig = new WebSocketRig({ isAdmitted: true })
  const first = unit(Buffer.alloc(200, 'w'))
  rig.arrive(Buffer.concat([clientFrame({ payload: first }), clientFrame({ fin: false, payload: 'kept ' })]))
  for (const chunk of rig.handed) (chunk.buffer as ArrayBuffer).transfer(0)
  rig.arrive(clientFrame({ opcode: 0, payload: 'safe' }))
  t.is(String(rig.stretches.at(-1)!.bytes), 'kept safe')
})
