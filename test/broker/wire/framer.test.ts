import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { encodeFrame } from '../../../broker/wire/frame.ts'
import { Framer } from '../../../broker/wire/framer.ts'
import { frames } from '../../support/frames.ts'

const LIMIT_BYTES = 64 * 1024
const prefix = (length: number): Uint8Array => Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length)
const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** The frames that come out of `chunks`, each as a copy made while it was handed over. */
function parse(chunks: readonly Uint8Array[], framer = new Framer(LIMIT_BYTES)): Uint8Array[] {
  const found: Uint8Array[] = []
  for (const chunk of chunks) framer.push(chunk, { frame: (bytes, start, end) => void found.push(bytes.slice(start, end)) })
  return found
}

/** `bytes` cut where `cuts` say; empty chunks are among them. */
function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map(at => at % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return ends.map((end, index) => bytes.slice(index === 0 ? 0 : ends[index - 1], end))
}

const sequences = fc.array(frames.map(encodeFrame), { maxLength: 12 })

test('framer: any chunking of any frame sequence parses the same', t => {
  fc.assert(
    fc.property(sequences, fc.array(fc.nat(), { maxLength: 30 }), (sequence, cuts) => {
      const framer = new Framer(LIMIT_BYTES)
      t.deepEqual(parse(cut(joined(sequence), cuts), framer), sequence)
      t.is(framer.pendingBytes, 0)
    }),
    { numRuns: 500 },
  )
})

test('framer: byte for byte parses the same', t => {
  fc.assert(
    fc.property(sequences, sequence => {
      t.deepEqual(parse(Array.from(joined(sequence), byte => Uint8Array.of(byte))), sequence)
    }),
    { numRuns: 30 },
  )
})

test('framer: bytes of any content are cut by their lengths alone', t => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 3 }), fc.uint8Array({ minLength: 1, maxLength: 3000 })), { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (bodies, cuts) => {
      const sequence = bodies.map(body => joined([prefix(body.length), body]))
      t.deepEqual(parse(cut(joined(sequence), cuts)), sequence)
    }),
  )
})

test('framer: what was handed over is not written to by later chunks', t => {
  fc.assert(
    fc.property(sequences, fc.array(fc.nat(), { maxLength: 30 }), (sequence, cuts) => {
      const kept: Uint8Array[] = []
      const framer = new Framer(LIMIT_BYTES)
      for (const chunk of cut(joined(sequence), cuts)) framer.push(chunk, { frame: (bytes, start, end) => void kept.push(bytes.subarray(start, end)) })
      t.deepEqual(kept.map(view => Uint8Array.from(view)), sequence)
    }),
  )
})

test('framer: a whole frame within a chunk is handed over where it stands', t => {
  const [first, second] = [encodeFrame({ kind: 1, subject: 'a' }), encodeFrame({ kind: 1, subject: 'bb' })]
  const chunk = joined([first, second])
  const seen: [boolean, number, number][] = []
  new Framer(LIMIT_BYTES).push(chunk, { frame: (bytes, start, end) => void seen.push([bytes === chunk, start, end]) })
  t.deepEqual(seen, [[true, 0, first.length], [true, first.length, chunk.length]])
})

test('framer: pendingBytes counts what came of an unfinished frame', t => {
  const framer = new Framer(LIMIT_BYTES)
  parse([prefix(100).subarray(0, 3)], framer)
  t.is(framer.pendingBytes, 3)
  parse([prefix(100).subarray(3), new Uint8Array(60)], framer)
  t.is(framer.pendingBytes, 64)
  t.is(parse([new Uint8Array(40)], framer).length, 1)
  t.is(framer.pendingBytes, 0)
})

const refusals: [string, number, string, RegExp][] = [
  ['one byte above the limit', LIMIT_BYTES - 3, 'frame.too_large', /frame of 65,537 bytes exceeds the limit of 65,536/],
  ['the largest length there is', 0xffffffff, 'frame.too_large', /4,294,967,299 bytes/],
  ['empty', 0, 'frame.malformed', /length is 0/],
]

for (const [name, length, code, message] of refusals) {
  test(`framer: a frame that is ${name} is refused as soon as its length is here, what came before is handed over`, t => {
    const good = encodeFrame({ kind: 1, subject: 'a', id: 1 })
    const bytes = joined([good, prefix(length)])
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 4 }), cuts => {
        const found: Uint8Array[] = []
        const framer = new Framer(LIMIT_BYTES)
        const error = t.throws(
          () => {
            for (const chunk of cut(bytes, cuts)) framer.push(chunk, { frame: (from, start, end) => void found.push(from.slice(start, end)) })
          },
          { instanceOf: BrokerError, code },
        )
        t.regex(error.message, message)
        t.deepEqual(found, [good])
      }),
    )
  })
}

test('framer: a frame of exactly the limit passes', t => {
  const body = new Uint8Array(LIMIT_BYTES - 4)
  t.is(parse([prefix(body.length), body])[0]?.length, LIMIT_BYTES)
})

test('framer: the limit may be raised between chunks', t => {
  const framer = new Framer(100)
  t.throws(() => parse([prefix(100)], new Framer(100)), { code: 'frame.too_large' })
  framer.maxFrameBytes = 200
  t.is(parse([prefix(100), new Uint8Array(100)], framer)[0]?.length, 104)
})

test('framer: a frame that spans chunks lives in a buffer that grew with what came, not with what was announced', t => {
  const framer = new Framer(2 ** 24)
  const announcedBytes = 2 ** 24 - 4
  const allocated: number[] = []
  const before = process.memoryUsage().arrayBuffers
  parse([prefix(announcedBytes)], framer)
  for (let received = 4; received < 64 * 1024; received += 1000) {
    parse([new Uint8Array(1000)], framer)
    allocated.push(framer.pendingBytes)
  }
  t.is(framer.pendingBytes, 4 + allocated.length * 1000)
  // Chunks that were not collected yet and the doublings are in it too; the announced length alone would be 16 MiB.
  t.true(process.memoryUsage().arrayBuffers - before < 2 ** 20)
})

test('framer: ten thousand peers that announce much and send little hold a few KiB each', t => {
  const before = process.memoryUsage().arrayBuffers
  const framers = Array.from({ length: 10_000 }, () => new Framer(2 ** 20))
  const first = joined([prefix(2 ** 20 - 4), new Uint8Array(10)])
  for (const framer of framers) parse([first], framer)
  const perPeerBytes = (process.memoryUsage().arrayBuffers - before) / framers.length
  t.true(framers.every(framer => framer.pendingBytes === 14))
  t.true(perPeerBytes < 4096, `${perPeerBytes} bytes`)
})

test('framer: a million bytes sent one by one are copied a few times, not once per byte', t => {
  // Doubling copies less than twice the total; a buffer made anew per chunk would take a minute here.
  const framer = new Framer(2 ** 20)
  const total = 2 ** 20
  const one = new Uint8Array(1)
  const found = parse([prefix(total - 4), ...Array.from({ length: total - 4 }, () => one)], framer)
  t.is(found[0]?.length, total)
})

test('framer: frames that span chunks stand in memory that threads share from the size on that is asked for, others do not', t => {
  const sizes = [100, 1999, 2000, 5000, 60_000]
  const bytes = Buffer.concat(sizes.map(size => Buffer.concat([prefix(size - 4), Buffer.alloc(size - 4, size % 251)])))
  const seen: [size: number, isShared: boolean][] = []
  const framer = new Framer(LIMIT_BYTES, 2000)
  const sink = { frame: (whole: Uint8Array, start: number, end: number) => void seen.push([end - start, whole.buffer instanceof SharedArrayBuffer]) }
  // Byte by byte nothing is whole in a chunk, not even a length.
  for (const byte of bytes) framer.push(Uint8Array.of(byte), sink)
  t.deepEqual(seen, sizes.map(size => [size, size >= 2000]))
  seen.length = 0
  framer.push(bytes, sink)
  t.deepEqual(seen, sizes.map(size => [size, false]))
})
