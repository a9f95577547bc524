import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import test from 'ava'
import { FairTurn } from '../../transports/fair-turn.ts'

const KIB = 1024

/** A socket whose kernel has so much to give, and gives it in chunks while it is read; what is put back comes first. */
class FakeSocket {
  destroyed = false
  isPaused = false
  #waiting: Buffer[]

  constructor(chunks: readonly Buffer[]) {
    this.#waiting = [...chunks]
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  unshift(chunk: Buffer): void {
    this.#waiting.unshift(chunk)
  }

  /** The next chunk, as the event loop would bring it; undefined while paused. */
  next(): Buffer | undefined {
    return this.isPaused ? undefined : this.#waiting.shift()
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }
}

class Reader {
  readonly got: Buffer[] = []
  /** The clock that the turn looks at: reading moves it on. */
  nowMs = 0
  isPaused = false
  readonly #msPerKib: number

  constructor(msPerKib: number) {
    this.#msPerKib = msPerKib
  }

  received(chunk: Buffer): void {
    this.got.push(chunk)
    this.nowMs += (this.#msPerKib * chunk.length) / KIB
  }
}

const fairFor = (reader: Reader): FairTurn => new FairTurn(() => reader.nowMs)

/** Reads all that there is; how many bytes came in each turn. */
async function drain(socket: FakeSocket, reader: Reader): Promise<number[]> {
  const fair = fairFor(reader)
  const turns: number[] = []
  while (!socket.isEmpty) {
    const before = reader.got.length
    for (let chunk = socket.next(); chunk !== undefined; chunk = socket.next()) fair.read(reader, socket as unknown as Socket, chunk)
    turns.push(reader.got.slice(before).reduce((sum, { length }) => sum + length, 0))
    await setImmediate()
  }
  return turns
}

test('fair turn: bytes that take no time pass as they came, all in one turn', async t => {
  const chunks = Array.from({ length: 8 }, () => Buffer.alloc(64 * KIB))
  const reader = new Reader(0)
  t.is((await drain(new FakeSocket(chunks), reader)).length, 1)
  t.deepEqual(reader.got.map((chunk, i) => chunk === chunks[i]), chunks.map(() => true), 'not even a view of them')
})

test('fair turn: bytes that take long are read in small slices, a share in each turn', async t => {
  const reader = new Reader(0.5)
  const turns = await drain(new FakeSocket(Array.from({ length: 3 }, () => Buffer.alloc(64 * KIB))), reader)
  // The first chunk passes whole: nobody knows yet what it is worth.
  t.is(reader.got[0]!.length, 64 * KIB)
  t.true(reader.got.slice(1).every(({ length }) => length <= 4 * KIB))
  t.true(turns.slice(1).every(bytes => bytes <= 16 * KIB), turns.join())
  t.is(turns.reduce((sum, bytes) => sum + bytes, 0), 192 * KIB)
})

test('fair turn: small chunks are not held up, and the shared clock is not asked', t => {
  const reader = new Reader(3)
  const socket = new FakeSocket([])
  const fair = fairFor(reader)
  for (let i = 0; i < 4; i++) fair.read(reader, socket as unknown as Socket, Buffer.alloc(1000))
  t.false(socket.isPaused)
})

test('fair turn: whose owner does not read is not resumed, and who is gone gets nothing back', async t => {
  const reader = new Reader(0.5)
  reader.isPaused = true
  const socket = new FakeSocket([])
  const fair = fairFor(reader)
  const read = (bytes: number): void => fair.read(reader, socket as unknown as Socket, Buffer.alloc(bytes))
  read(64 * KIB)
  t.true(socket.isPaused)
  await setImmediate()
  await setImmediate()
  t.true(socket.isPaused)
  socket.destroyed = true
  read(64 * KIB)
  t.true(socket.isEmpty)
})

test('fair turn: whatever the chunks and their cost, the bytes come once each and in order', async t => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 80 * KIB }), { minLength: 1, maxLength: 8 }), fc.constantFrom(0, 0.02, 0.1, 0.3), async (sizes, msPerKib) => {
    const all = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0))
    for (let i = 0; i < all.length; i++) all[i] = (i * 31) ^ (i >> 8)
    let at = 0
    const chunks = sizes.map(size => Buffer.from(all.subarray(at, (at += size))))
    const reader = new Reader(msPerKib)
    await drain(new FakeSocket(chunks), reader)
    t.true(Buffer.concat(reader.got).equals(all))
  }))
})
