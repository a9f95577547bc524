import test from 'ava'
import fc from 'fast-check'
import { Chunk, messagesPerWrite } from '../../../bench/load/chunk.ts'
import { callboardDialect } from '../../../bench/load/callboard-dialect.ts'
import type { Dialect, Received } from '../../../bench/load/dialect.ts'
import { natsDialect } from '../../../bench/load/nats-dialect.ts'
import { patternBytes } from '../../../bench/load/payload.ts'

function parseAll(dialect: Dialect, bytes: Uint8Array, cutAt: readonly number[] = []): Received[] {
  const received: Received[] = []
  const parse = dialect.parser(message => received.push({ ...message, payload: Uint8Array.from(message.payload) }))
  let from = 0
  for (const to of [...cutAt.toSorted((a, b) => a - b), bytes.length]) {
    parse(bytes.subarray(from, to))
    from = to
  }
  return received
}

test('chunk: a renumbered chunk reads as consecutive messages, however it is cut', t => {
  const payload = patternBytes(128)
  const subjects = ['bench.00.00', 'bench.00.01', 'bench.00.02']
  const messages = Array.from({ length: 9 }, (_, i) => callboardDialect.publish(subjects[i % 3]!, payload))
  const chunk = new Chunk(messages.map(message => message.bytes), messages[0]!.numbering)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 - 10 }), fc.array(fc.nat(chunk.bytes.length)), (first, cutAt) => {
      chunk.renumber(first)
      t.deepEqual(
        parseAll(callboardDialect, chunk.bytes, cutAt),
        messages.map((_, i) => ({ number: first + i, subject: subjects[i % 3]!, payload })),
      )
    }),
    { numRuns: 30 },
  )
})

test('chunk: only as many messages are renumbered as asked', t => {
  const { bytes, numbering } = callboardDialect.publish('bench.00.00', patternBytes(8))
  const chunk = new Chunk([bytes, bytes, bytes], numbering)
  chunk.renumber(100)
  chunk.renumber(7, 2)
  t.deepEqual(parseAll(callboardDialect, chunk.bytes).map(message => message.number), [7, 8, 102])
})

test('chunk: a copy has memory of its own', t => {
  const { bytes, numbering } = callboardDialect.publish('bench.00.00', patternBytes(8))
  const chunk = new Chunk([bytes, bytes], numbering)
  chunk.renumber(1)
  const copy = chunk.copy()
  chunk.renumber(50)
  t.deepEqual(parseAll(callboardDialect, copy.bytes).map(message => message.number), [1, 2])
})

test('chunk: messages of different lengths are refused', t => {
  const { numbering } = natsDialect.publish('a', new Uint8Array(8))
  t.throws(() => new Chunk([new Uint8Array(10), new Uint8Array(11)], numbering), { message: /one length/ })
})

test('chunk: a write holds whole rounds of subjects and at least one', t => {
  t.is(messagesPerWrite(64 * 1024, 180, 1), 364)
  t.is(messagesPerWrite(64 * 1024, 180, 50), 350)
  t.is(messagesPerWrite(100, 180, 50), 50)
  t.is(messagesPerWrite(0, 180, 1), 1)
})
