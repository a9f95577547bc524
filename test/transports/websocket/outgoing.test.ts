import test from 'ava'
import fc from 'fast-check'
import { messageFrames, outgoing } from '../../../transports/websocket/outgoing.ts'
import { BINARY, readServerFrame, TEXT, type ReceivedFrame } from '../../support/websocket-frames.ts'

function framesOf(pieces: readonly Uint8Array[]): ReceivedFrame[] {
  const frames: ReceivedFrame[] = []
  let rest = Buffer.concat(pieces)
  while (rest.length > 0) {
    const read = readServerFrame(rest)
    if (read === undefined) throw new Error('an unfinished frame')
    frames.push(read.frame)
    rest = rest.subarray(read.end)
  }
  return frames
}

/** Messages as a receiver puts them together; fails on frames in a wrong order. */
function messagesOf(frames: readonly ReceivedFrame[]): { opcode: number; payload: Buffer }[] {
  const messages: { opcode: number; payload: Buffer }[] = []
  let open: Buffer[] | undefined
  let kind = 0
  for (const { fin, opcode, payload } of frames) {
    if ((open === undefined) === (opcode === 0)) throw new Error('a continuation of nothing, or none of something')
    if (open === undefined) kind = opcode
    open = [...(open ?? []), payload]
    if (!fin) continue
    messages.push({ opcode: kind, payload: Buffer.concat(open) })
    open = undefined
  }
  if (open !== undefined) throw new Error('a message without end')
  return messages
}

const most = fc.constantFrom(0, 125, 126, 1000, 65_536)
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 15_000, max: 140_000 })), { minLength: 1, maxLength: 8 })

test('outgoing: binary messages hold whole pieces in order, and no frame is longer than it may be', t => {
  fc.assert(
    fc.property(sizes, most, (lengths, maxFrameBytes) => {
      const pieces = lengths.map((length, i) => Buffer.alloc(length, i + 1))
      const frames = framesOf(outgoing(maxFrameBytes).binary(pieces))
      if (maxFrameBytes > 0) t.true(frames.every(({ payload }) => payload.length <= maxFrameBytes))
      const messages = messagesOf(frames)
      t.true(messages.every(({ opcode }) => opcode === BINARY))
      t.true(Buffer.concat(messages.map(({ payload }) => payload)).equals(Buffer.concat(pieces)))
      // Each message begins where a piece does, or a native frame would be cut.
      const begins = new Set(lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0)))
      let at = 0
      for (const { payload } of messages) {
        t.true(begins.has(at))
        at += payload.length
      }
    }),
    { numRuns: 30 },
  )
})

test('outgoing: each line is a text message without its newline', t => {
  fc.assert(
    fc.property(sizes, most, fc.integer({ min: 1, max: 4 }), (lengths, maxFrameBytes, linesPerPiece) => {
      const lines = lengths.map((length, i) => `${i} ${'é'.repeat(length / 2)}`)
      const pieces: Buffer[] = []
      for (let i = 0; i < lines.length; i += linesPerPiece) pieces.push(Buffer.from(lines.slice(i, i + linesPerPiece).map(line => `${line}\n`).join('')))
      const messages = messagesOf(framesOf(outgoing(maxFrameBytes).text(pieces)))
      t.true(messages.every(({ opcode }) => opcode === TEXT))
      t.deepEqual(messages.map(({ payload }) => payload.toString()), lines)
    }),
    { numRuns: 30 },
  )
})

test('outgoing: small pieces leave with their header in one piece, large ones as they are', t => {
  const { binary, text } = outgoing(0)
  t.is(binary([Buffer.alloc(100), Buffer.alloc(200)]).length, 1)
  const large = Buffer.alloc(20_000)
  const pieces = binary([large])
  t.is(pieces.length, 2)
  t.is(pieces[1], large)
  t.is(text([Buffer.from('a\nb\n'), Buffer.from('c\n')]).length, 1)
})

test('outgoing: of a compressed message the first frame alone says so', t => {
  const frames = framesOf(messageFrames(BINARY | 0x40, Buffer.alloc(250), 100))
  t.deepEqual(frames.map(({ rsv, opcode, fin }) => [rsv, opcode, fin]), [[4, BINARY, false], [0, 0, false], [0, 0, true]])
})
