import test from 'ava'
import fc from 'fast-check'
import { Packer } from '../../../broker/delivery/packer.ts'
import { Account, Slice } from '../../../broker/ground/slice.ts'
import { sliceOf } from '../../support/slice.ts'

const BELOW = 64

/** Slices of a few chunks, neighbours and not, small and large. */
const slices = fc
  .array(fc.record({ chunk: fc.nat({ max: 2 }), start: fc.nat({ max: 200 }), size: fc.integer({ min: 1, max: 150 }), follows: fc.boolean() }), { minLength: 1, maxLength: 20 })
  .map(parts => {
    const chunks = [0, 1, 2].map(chunk => Uint8Array.from({ length: 8000 }, (_, i) => (i * 7 + chunk * 31) % 251))
    let last: Slice | undefined
    return parts.map(({ chunk, start, size, follows }) => {
      const [bytes, from] = follows && last !== undefined ? [last.bytes, last.end] : [chunks[chunk]!.subarray(10), start]
      return (last = new Slice(bytes, from, from + size, 1, new Account()))
    })
  })

test('packer: pieces hold the bytes of all slices, in order', t => {
  fc.assert(
    fc.property(fc.array(slices, { minLength: 1, maxLength: 4 }), turns => {
      const packer = new Packer(BELOW)
      for (const turn of turns) {
        const expected = Buffer.concat(turn.map(({ bytes, start, end }) => bytes.subarray(start, end)))
        t.deepEqual(Buffer.concat([...packer.pack(turn)]), expected)
      }
    }),
  )
})

test('packer: small neighbours become one piece, a large slice stays a view of its chunk', t => {
  const large = sliceOf(1000)
  const pieces = new Packer(BELOW).pack([sliceOf(10), sliceOf(20), large, sliceOf(30)])
  t.deepEqual(pieces.map(({ length }) => length), [30, 1000, 30])
  t.is(pieces[1], large.bytes)
})

test('packer: receivers of the same slices share the same pieces, until the turn ends', t => {
  const packer = new Packer(BELOW)
  const turn = [sliceOf(10), sliceOf(20)]
  const pieces = packer.pack(turn)
  t.is(packer.pack([...turn]), pieces)
  t.not(packer.pack([turn[0]!]), pieces)
  t.deepEqual(packer.pack(turn), pieces)
  packer.forget()
  t.not(packer.pack(turn), pieces)
})

test('packer: merged pieces share no bytes with others', t => {
  const packer = new Packer(BELOW)
  const [first] = packer.pack([sliceOf(10, { fill: 1 }), sliceOf(10, { fill: 1 })])
  const [second] = packer.pack([sliceOf(10, { fill: 2 }), sliceOf(10, { fill: 2 })])
  t.deepEqual([...first!, ...second!], [...Array<number>(20).fill(1), ...Array<number>(20).fill(2)])
})

test('packer: small neighbours in one memory are a view of it, neighbours among others a part of the copy', t => {
  const memory = Uint8Array.from({ length: 100 }, (_, i) => i)
  const neighbours = [[5, 10], [10, 20], [20, 23]].map(([start, end]) => new Slice(memory, start!, end!, 1, new Account()))
  const [view, ...more] = new Packer(BELOW).pack(neighbours)
  t.is(view!.buffer, memory.buffer)
  t.deepEqual([...view!], Array.from({ length: 18 }, (_, i) => i + 5))
  t.is(more.length, 0)
  const [copy] = new Packer(BELOW).pack([...neighbours, sliceOf(10)])
  t.not(copy!.buffer, memory.buffer)
  t.is(copy!.length, 28)
})
