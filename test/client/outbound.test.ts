import test from 'ava'
import fc from 'fast-check'
import type { ClientLink } from '../../client/link.ts'
import { Outbound } from '../../client/outbound.ts'

const FLUSH_BYTES = 64 * 1024

/** A link that keeps what it was given, as a socket does whose other end is slow. */
function rig(): { outbound: Outbound; writes: Uint8Array[]; turn: () => void } {
  const writes: Uint8Array[] = []
  let tasks: (() => void)[] = []
  const link: Partial<ClientLink> = { write: bytes => writes.push(bytes) > 0 }
  const turn = (): void => {
    const due = tasks
    tasks = []
    for (const task of due) task()
  }
  return { outbound: new Outbound(link as ClientLink, task => tasks.push(task)), writes, turn }
}

/** A frame of so many bytes that no other one is like. */
function frame(n: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill((n % 250) + 1)
}

/** Writes where it leaves from, as a connection does. */
function write(outbound: Outbound, bytes: Uint8Array): Uint8Array {
  const at = outbound.claim(bytes.length)
  const { slab } = outbound
  slab.set(bytes, at)
  outbound.fill(bytes.length)
  return slab.subarray(at, at + bytes.length)
}

test('outbound: frames leave whole, in order, and nothing that has left or is kept is written over', t => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 70_000 }))
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('turn' as const), fc.tuple(sizes, fc.boolean())), { maxLength: 80 }), steps => {
      const { outbound, writes, turn } = rig()
      const frames: Uint8Array[] = []
      const kept: [expected: Uint8Array, actual: Uint8Array][] = []
      for (const step of steps) {
        if (step === 'turn') turn()
        else {
          const bytes = frame(frames.length, step[0])
          frames.push(bytes)
          if (step[1]) outbound.push(bytes)
          else kept.push([bytes, write(outbound, bytes)])
        }
      }
      turn()
      t.is(Buffer.compare(Buffer.concat(writes), Buffer.concat(frames)), 0)
      for (const [expected, actual] of kept) t.is(Buffer.compare(expected, actual), 0)
      // Ends of writes are ends of frames, and only a single frame is larger than a write may be.
      const ends = new Set([0])
      for (let at = 0, n = 0; n < frames.length; n++) ends.add((at += frames[n]!.length))
      let at = 0
      for (const bytes of writes) {
        at += bytes.length
        t.true(ends.has(at))
        if (bytes.length > FLUSH_BYTES) t.true(frames.some(({ length }) => length === bytes.length))
      }
    }),
  )
})

test('outbound: what is said in one turn is one write up to 64 KiB, wherever its memory ends', t => {
  const { outbound, writes, turn } = rig()
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 90; n++) write(outbound, frame(n, 700))
    turn()
  }
  t.deepEqual(writes.map(({ length }) => length), Array.from({ length: 20 }, () => 63_000))
})

test('outbound: a client that says little holds little', t => {
  const { outbound } = rig()
  write(outbound, frame(1, 100))
  t.true(outbound.slab.length <= 4096, String(outbound.slab.length))
})

test('outbound: room that was claimed and not filled is the next frame\'s', t => {
  const { outbound, writes, turn } = rig()
  outbound.slab.fill(9, outbound.claim(10), outbound.claim(10) + 10)
  write(outbound, frame(1, 5))
  turn()
  t.deepEqual(writes.map(bytes => [...bytes]), [[2, 2, 2, 2, 2]])
})
