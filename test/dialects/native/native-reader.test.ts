import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { encode } from '@msgpack/msgpack'
import { NativeReader, type NativeSource } from '../../../dialects/native/native-reader.ts'
import type { Ingress } from '../../../broker/ground/control.ts'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../../broker/wire/frame.ts'
import { Framer } from '../../../broker/wire/framer.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { encodeLent } from '../../../broker/wire/lent.ts'
import { frameEnd } from '../../../broker/wire/regroup.ts'
import { sameBytes } from '../../support/same-bytes.ts'
import { choices, encodeLoosely } from '../../support/frames.ts'

const noneLent = (): never => {
  throw new BrokerError('memory.unreadable', { path: 's1', problem: 'a test' })
}
const TIME = 1_700_000_000_123_456
const ORIGIN = 0xfffe

/** What came out, message by message; runs are taken apart, as where they begin and end is chance. */
interface Out {
  readonly events: unknown[]
  readonly runs: number[]
  /** Of each run, whether its messages ask for receipts. */
  readonly receipted: boolean[]
}

/** A reader whose ingress writes down what it is given, and keeps the bytes to see whether they change later. */
function recordingReader(lent: ReadonlyMap<number, Uint8Array> = new Map()): { read: (chunk: Uint8Array) => void; out: Out; given: { view: Uint8Array; copy: Uint8Array }[] } {
  const out: Out = { events: [], runs: [], receipted: [] }
  const given: { view: Uint8Array; copy: Uint8Array }[] = []
  const keep = (view: Uint8Array): void => void given.push({ view, copy: new Uint8Array(view) })
  const ingress: Ingress<NativeSource> = {
    run(_, bytes, start, end, count, firstId, subjectStart, subjectEnd, timeMicros, isReceipted) {
      keep(bytes.subarray(start, end))
      out.runs.push(count)
      out.receipted.push(isReceipted)
      const subject = new TextDecoder().decode(bytes.subarray(subjectStart, subjectEnd))
      for (let at = start, id = firstId; at < end; at = frameEnd(bytes, at), id++) {
        const frame = decodeFrame(bytes, at, frameEnd(bytes, at))
        out.events.push({ ...frame, payload: [...frame.payload], expected: { id, subject, time: timeMicros } })
      }
    },
    message(_, bytes, start, end, timeMicros) {
      keep(bytes.subarray(start, end))
      const frame = decodeFrame(bytes, start, end)
      out.events.push({ ...frame, payload: [...frame.payload], timeMicros })
    },
    foreign: () => -1,
    subscribe() {},
    unsubscribe() {},
    recount() {},
    control: (_, message) => void out.events.push({ control: message }),
    refuse: (_, ref, error) => void out.events.push({ refused: ref, code: error.code }),
    fail: (_, error: BrokerError) => void out.events.push({ failed: error.code }),
  }
  const reader = new NativeReader(ingress, () => TIME, () => {})
  const framer = new Framer(4096)
  const source = { number: ORIGIN, isReady: true, takeLent: (number: number) => lent.get(number) ?? noneLent() }
  return { read: chunk => reader.read(source, framer, chunk), out, given }
}

type Part = Pick<Frame, 'kind' | 'flags' | 'subject' | 'headers'> & { readonly gap: number; readonly isLoose: boolean; readonly bytes: number }

const part: fc.Arbitrary<Part> = fc.record({
  kind: fc.constantFrom(Kind.publish, Kind.publish, Kind.publish, Kind.publish, Kind.request, Kind.response, Kind.ping, Kind.subscribe, 99),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 3, Flag.receipt, Flag.receipt, Flag.signed),
  subject: fc.constantFrom('a', 'a', 'a', 'b.c', 'b.d'),
  headers: fc.constantFrom(undefined, undefined, undefined, { mid: 'x' }),
  gap: fc.constantFrom(1, 1, 1, 1, 2, 0),
  isLoose: fc.constantFrom(false, false, false, false, true),
  bytes: fc.constantFrom(0, 3, 300),
})

const plain: Part = { kind: Kind.publish, flags: 0, subject: 'a', headers: undefined, gap: 1, isLoose: false, bytes: 3 }

/** The frames of a connection, one after the other. */
function encodeAll(parts: readonly Part[], picks: readonly number[]): Uint8Array {
  let id = 1
  const frames = parts.map(({ kind, flags, subject, headers, gap, isLoose, bytes }) => {
    id += gap
    const payload = kind === Kind.subscribe ? encode({ pattern: subject }) : new Uint8Array(kind === Kind.ping ? 0 : bytes)
    const frame: Frame = { kind, flags: kind === Kind.publish ? flags : 0, origin: 0, id, time: 0, to: 0, ref: 0, subject, headers, payload }
    const whole = { ...frame, flags: headers ? frame.flags | 4 : frame.flags }
    return isLoose ? encodeLoosely(whole, choices(picks)) : encodeFrame(whole)
  })
  return new Uint8Array(Buffer.concat(frames))
}

/** `bytes` cut at the places that `cuts` names, each piece in memory of its own. */
function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map(place => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => new Uint8Array(bytes.subarray(at[i], end))).filter(({ length }) => length > 0)
}

function readAll(t: ExecutionContext, chunks: readonly Uint8Array[]): Out {
  const { read, out, given } = recordingReader()
  for (const chunk of chunks) read(chunk)
  for (const { view, copy } of given) t.deepEqual(view, copy, 'what was handed over is not written to any more')
  return out
}

test('native reader: any chunking of any frames gives the same messages in the same order', t => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 25 }), fc.array(fc.nat(), { maxLength: 12 }), fc.array(fc.nat({ max: 1000 }), { maxLength: 20 }), (parts, cuts, picks) => {
      const bytes = encodeAll(parts, picks)
      const whole = readAll(t, [new Uint8Array(bytes)])
      t.deepEqual(readAll(t, cut(bytes, cuts)).events, whole.events)
      t.is(whole.events.length, parts.length)
    }),
  )
})

test('native reader: a run is stamped with origin and time, and says its ids and subject', t => {
  const out = readAll(t, [encodeAll([plain, plain, plain].map(each => ({ ...each, flags: 1 })), [])])
  t.deepEqual(out.runs, [3])
  for (const [i, event] of out.events.entries()) t.like(event, { origin: ORIGIN, time: TIME, id: i + 2, subject: 'a', expected: { id: i + 2, subject: 'a', time: TIME } })
})

test('native reader: subject, id gap, headers, flags and control frames end a run', t => {
  const runsOf = (...parts: Part[]): number[] => readAll(t, [encodeAll(parts, [])]).runs
  t.deepEqual(runsOf(plain, plain, plain, plain), [4])
  t.deepEqual(runsOf(plain, plain, { ...plain, subject: 'b' }, plain), [2, 1, 1])
  t.deepEqual(runsOf(plain, { ...plain, gap: 5 }, plain), [1, 2])
  t.deepEqual(runsOf(plain, { ...plain, headers: { x: 1 } }, plain), [1, 1])
  t.deepEqual(runsOf(plain, { ...plain, flags: Flag.signed }, plain), [1, 1])
  t.deepEqual(runsOf(plain, { ...plain, kind: Kind.ping }, plain), [1, 1])
  t.deepEqual(runsOf(plain, { ...plain, flags: 2 }, plain), [3])
})

test('native reader: those that ask for a receipt are in runs of their own, which say so', t => {
  const asks = { ...plain, flags: Flag.receipt }
  const { runs, receipted } = readAll(t, [encodeAll([plain, asks, { ...asks, flags: Flag.receipt | 3 }, asks, plain, plain, { ...asks, subject: 'b' }, { ...asks, headers: { mid: 'x' } }, asks], [])])
  t.deepEqual(runs, [1, 3, 2, 1, 1])
  t.deepEqual(receipted, [false, true, false, true, true])
})

test('native reader: other valid encodings are messages, in order with the rest', t => {
  const loose = encodeLoosely({ kind: Kind.publish, flags: 0, origin: 0, id: 2, time: 0, to: 0, ref: 0, subject: 'a', headers: undefined, payload: new Uint8Array(1) }, () => 0)
  const { events } = readAll(t, [new Uint8Array(Buffer.concat([encodeFrame({ kind: 1, id: 1, subject: 'a' }), loose, encodeFrame({ kind: 1, id: 3, subject: 'a' })]))])
  t.deepEqual(events.map(event => (event as Frame).id), [1, 2, 3])
})

test('native reader: before the welcome nothing is a run', t => {
  const { out } = recordingReader()
  const ingress = { message: () => void out.events.push('message'), run: () => void out.events.push('run') } as unknown as Ingress<NativeSource>
  const reader = new NativeReader(ingress, () => TIME, () => {})
  reader.read({ number: 1, isReady: false, takeLent: noneLent }, new Framer(4096), encodeFrame({ kind: Kind.publish, id: 1, subject: 'a' }))
  t.deepEqual(out.events, ['message'])
})

test('native reader: a frame that is not MessagePack is refused, one that is too large ends the stream', t => {
  const { out, read } = recordingReader()
  read(Uint8Array.of(0, 0, 0, 3, 0xc1, 0, 0))
  read(Uint8Array.of(0, 0, 0x20, 0))
  t.deepEqual(out.events, [{ refused: 0, code: 'frame.malformed' }, { failed: 'frame.too_large' }])
})

test('native reader: bodies that announce more than they hold are refused before memory is taken for them', t => {
  const { out, read } = recordingReader()
  // Eight arrays of 31 million elements each within the other: 40 bytes that made a decoder take 2 GB.
  const payload = Uint8Array.from({ length: 40 }, (_, i) => [0xdd, 0x01, 0xf0, 0, 0][i % 5]!)
  const before = process.memoryUsage().rss
  read(encodeFrame({ kind: Kind.hello, payload }))
  t.deepEqual(out.events, [{ refused: 0, code: 'frame.malformed' }])
  t.true(process.memoryUsage().rss - before < 200e6)
})

const numbered = (...ids: number[]): Uint8Array => Buffer.concat(ids.map(id => encodeFrame({ kind: Kind.publish, id, subject: 'a', payload: new Uint8Array(3000).fill(id) })))
const idsOf = ({ events }: Out): unknown[] => events.map(event => (event as { id?: number }).id ?? event)

test('native reader: frames in shared memory come where the frame stands that names them, however that was cut', t => {
  const stream = Buffer.concat([numbered(1), encodeLent(7, numbered(2, 3).length), numbered(4), encodeLent(8, numbered(5).length), encodeLent(9, numbered(6).length)])
  for (const bytes of [1, 7, 100, 3040, 1_000_000]) {
    const { read, out, given } = recordingReader(new Map([[7, numbered(2, 3)], [8, numbered(5)], [9, numbered(6)]]))
    for (let at = 0; at < stream.length; at += bytes) read(new Uint8Array(stream.subarray(at, at + bytes)))
    t.deepEqual(idsOf(out), [1, 2, 3, 4, 5, 6])
    for (const { view, copy } of given) sameBytes(t, view, copy)
  }
})

test('native reader: each piece of memory is given back once, also where a chunk ends within the name of a segment', t => {
  const back: Uint8Array[] = []
  const ingress = { run: () => {} } as unknown as Ingress<NativeSource>
  const reader = new NativeReader(ingress, () => TIME, chunk => void back.push(chunk))
  const framer = new Framer(4096)
  const lent = encodeLent(7, numbered(1).length)
  const source: NativeSource = { number: ORIGIN, isReady: true, takeLent: () => numbered(1) }
  reader.read(source, framer, lent.slice(0, 20))
  reader.read(source, framer, lent.slice(20))
  t.is(new Set(back.map(({ buffer }) => buffer)).size, back.length)
  t.is(back.length, 4)
})

test('native reader: a segment that cannot be read, holds half a frame or names another one ends the connection', t => {
  const half = numbered(1).subarray(0, 2000)
  const nested = encodeLent(8, 10)
  for (const [number, code] of [[1, 'memory.unreadable'], [2, 'frame.malformed'], [3, 'frame.malformed']] as const) {
    const { read, out } = recordingReader(new Map([[2, new Uint8Array(half)], [3, nested]]))
    read(encodeLent(number, 2000))
    t.deepEqual(out.events.at(-1), { failed: code })
  }
})
