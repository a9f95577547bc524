// Random frames for property tests, and any MessagePack encoding of one. Encodes by the MessagePack specification
// alone, so that what broker/wire writes is held against something that does not share its code.

import fc from 'fast-check'
import type { Frame } from '../../broker/wire/frame.ts'
import { Flag, Kind, MAX_ID } from '../../broker/wire/layout.ts'
import { anyText } from './any-text.ts'

const uint = (max: number): fc.Arbitrary<number> => fc.oneof(fc.nat({ max: Math.min(max, 300) }), fc.maxSafeNat().map(value => value % (max + 1)), fc.constantFrom(0, max))
const subjects = anyText({ maxLength: 40 })
// Encoders write -0 as the integer 0.
const doubles = fc.double({ noNaN: true }).map(item => item + 0)
const leaf = fc.oneof(fc.constant(null), fc.boolean(), doubles, fc.maxSafeInteger(), fc.string(), fc.uint8Array({ maxLength: 20 }))
const value = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string().filter(isReadable), tie('value'), { maxKeys: 4 })),
})).value

function isReadable(key: string): boolean {
  return key !== '__proto__'
}

/** Frames of every kind with every field filled. A publish has no `to` and `ref`; the flag `headers` says whether there are any. */
export const frames: fc.Arbitrary<Frame> = fc
  .record({
    kind: fc.constantFrom(...Object.values(Kind)),
    flags: uint(0xffff),
    origin: uint(0xffffffff),
    id: uint(MAX_ID),
    time: uint(MAX_ID),
    to: uint(0xffffffff),
    ref: uint(MAX_ID),
    subject: subjects,
    headers: fc.option(fc.dictionary(fc.string().filter(isReadable), value, { maxKeys: 20, noNullPrototype: true }), { nil: undefined }),
    payload: fc.uint8Array({ maxLength: 400 }),
  })
  .map(frame => ({
    ...frame,
    flags: frame.headers ? frame.flags | Flag.headers : frame.flags & ~Flag.headers,
    ...(frame.kind === Kind.publish ? { to: 0, ref: 0 } : {}),
  }))

/** Picks one of `count` encodings. */
export type Choice = (count: number) => number

/** Choices from a list of numbers, begun again at its end, so that a failing run can be repeated and shrunk. */
export function choices(picks: readonly number[]): Choice {
  let next = 0
  return count => (picks.length === 0 ? 0 : picks[next++ % picks.length]! % count)
}

/** The fields of `frame` in the order of the wire, with its length in front, each value in the encoding that `choose` picks. */
export function encodeLoosely(frame: Frame, choose: Choice): Uint8Array {
  const { kind, flags, origin, id, time, to, ref, subject, headers, payload } = frame
  const fields = kind === Kind.publish ? [kind, flags, origin, id, time, subject, headers, payload] : [kind, flags, origin, id, time, to, ref, subject, headers, payload]
  const body = encodeValue(fields, choose)
  return Uint8Array.from([...bigEndian(body.length, 4), ...body])
}

/** One value as MessagePack, in the encoding that `choose` picks among all that hold it. */
export function encodeValue(item: unknown, choose: Choice): number[] {
  if (item === null || item === undefined) return [0xc0]
  if (typeof item === 'boolean') return [item ? 0xc3 : 0xc2]
  if (typeof item === 'number') return encodeNumber(item, choose)
  if (typeof item === 'string') return encodeSized(new TextEncoder().encode(item), [[0xa0, 0, 31], [0xd9, 1, 0xff], [0xda, 2, 0xffff], [0xdb, 4, 0xffffffff]], choose)
  if (item instanceof Uint8Array) return encodeSized(item, [[0xc4, 1, 0xff], [0xc5, 2, 0xffff], [0xc6, 4, 0xffffffff]], choose)
  if (Array.isArray(item)) return [...head(item.length, [[0x90, 0, 15], [0xdc, 2, 0xffff], [0xdd, 4, 0xffffffff]], choose), ...item.flatMap(part => encodeValue(part, choose))]
  const pairs = Object.entries(item)
  return [...head(pairs.length, [[0x80, 0, 15], [0xde, 2, 0xffff], [0xdf, 4, 0xffffffff]], choose), ...pairs.flatMap(pair => [...encodeValue(pair[0], choose), ...encodeValue(pair[1], choose)])]
}

/** Marker, bytes of the length behind it (0: in the marker's low bits), largest length. */
type Form = readonly [marker: number, lengthBytes: number, max: number]

function head(length: number, forms: readonly Form[], choose: Choice): number[] {
  const fitting = forms.filter(([, , max]) => length <= max)
  const [marker, lengthBytes] = fitting[choose(fitting.length)]!
  return lengthBytes === 0 ? [marker | length] : [marker, ...bigEndian(length, lengthBytes)]
}

function encodeSized(bytes: Uint8Array, forms: readonly Form[], choose: Choice): number[] {
  return [...head(bytes.length, forms, choose), ...bytes]
}

function encodeNumber(item: number, choose: Choice): number[] {
  const fitting: number[][] = []
  if (Number.isInteger(item) && !Object.is(item, -0)) {
    if (item >= 0 && item < 0x80) fitting.push([item])
    if (item < 0 && item >= -32) fitting.push([item + 0x100])
    for (const [index, bytes] of [1, 2, 4, 8].entries()) {
      if (item >= 0 && item < 2 ** (8 * bytes)) fitting.push([0xcc + index, ...bigEndian(item, bytes)])
      if (item >= -(2 ** (8 * bytes - 1)) && item < 2 ** (8 * bytes - 1)) fitting.push([0xd0 + index, ...bigEndian(item, bytes)])
    }
  }
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, item)
  fitting.push([0xcb, ...new Uint8Array(view.buffer)])
  if (Math.fround(item) === item) {
    view.setFloat32(0, item)
    fitting.push([0xca, ...new Uint8Array(view.buffer, 0, 4)])
  }
  return fitting[choose(fitting.length)]!
}

/** Two's complement. */
function bigEndian(item: number, bytes: number): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(8 * bytes, BigInt(item))
  for (let i = 0; i < bytes; i++, rest >>= 8n) out.unshift(Number(rest & 0xffn))
  return out
}
