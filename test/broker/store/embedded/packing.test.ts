import test from 'ava'
import fc from 'fast-check'
import { ByteReader } from '../../../../broker/store/embedded/byte-reader.ts'
import { ByteWriter } from '../../../../broker/store/embedded/byte-writer.ts'
import { Operation, readAppend, readSettlement, writeAppend, writeSettle } from '../../../../broker/store/embedded/operations.ts'
import { Pending } from '../../../../broker/store/embedded/pending.ts'
import type { Append, Settlement } from '../../../../broker/ground/store.ts'

const optionalText = fc.option(fc.string({ unit: 'grapheme', maxLength: 256 }), { nil: undefined })
const position = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

test('operations: what is appended is read as it was written, whatever it says', (t) => {
  const watch = { stored() {}, dropped() {}, refused() {} }
  const append = fc.record({
    bytes: fc.uint8Array({ maxLength: 100_000 }), count: fc.nat(), messageId: optionalText, session: optionalText, sequence: fc.maxSafeNat(), dueAtMs: fc.maxSafeNat(), expiresAtMs: fc.maxSafeNat(),
    durability: fc.constantFrom('memory', 'os', 'fsync'),
  })
  fc.assert(
    fc.property(fc.array(append, { maxLength: 10 }), (appends) => {
      const writer = new ByteWriter()
      for (const each of appends) writeAppend(writer, 7, { ...each, start: 0, end: each.bytes.length, watch } satisfies Append)
      const reader = new ByteReader(writer.take(), writer.length)
      for (const { bytes, ...rest } of appends) {
        t.is(reader.u8(), Operation.append)
        const { start, end, ...read } = readAppend(reader)
        t.deepEqual(read, { queue: 7, ...rest })
        t.true(reader.bytes.subarray(start, end).equals(bytes))
      }
      return reader.isDone
    }),
    { numRuns: 50 },
  )
})

test('operations: settlements are read as they were written', (t) => {
  const settlement = fc.record({ position, attempt: fc.integer({ min: 1, max: 1000 }), verdict: fc.constantFrom('ack', 'nak', 'term', 'working', 'release'), delayMs: fc.option(fc.nat(2 ** 31 - 1), { nil: undefined }), reason: optionalText })
  fc.assert(
    fc.property(fc.array(settlement), (settlements) => {
      const writer = new ByteWriter()
      writeSettle(writer, 3, settlements)
      const reader = new ByteReader(writer.take(), writer.length)
      t.deepEqual([reader.u8(), reader.u32(), reader.u32()], [Operation.settle, 3, settlements.length])
      for (const { verdict, position, attempt, delayMs, reason } of settlements) {
        const expected: Settlement = verdict === 'nak' || verdict === 'term' ? { verdict, position, attempt, delayMs, reason } : { verdict, position, attempt }
        t.deepEqual(readSettlement(reader), expected)
      }
      return reader.isDone
    }),
    { numRuns: 50 },
  )
})

test('pending: each number finds its own, in whatever order they are answered', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 300 }), (picks) => {
      const pending = new Pending<string>()
      const open: number[] = []
      for (const pick of picks) {
        for (let i = 0; i < 60; i++) open.push(pending.add(`${pending.next}`))
        for (let i = 0; i < 59; i++) {
          const [number] = open.splice(pick % 7 === 0 ? (pick + i) % open.length : 0, 1)
          if (pending.get(number!) !== `${number}`) return false
          pending.remove(number!)
          if (pending.get(number!) !== undefined) return false
        }
      }
      return pending.size === open.length && pending.takeAll().length === open.length && pending.size === 0
    }),
    { numRuns: 30 },
  )
  t.pass()
})
