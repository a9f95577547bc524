// Writes stored frames as consumers get them: with address, and from the second attempt on with the number of the attempt.
//
//   publish  … time ┊            subject ┊ headers ┊ payload      as it was stored
//   leased   … time ┊ to ┊ ref ┊ subject ┊ headers + $attempt ┊ payload

import { Flag, Kind } from '../ground/kind.ts'
import type { Leased } from '../ground/store.ts'
import { LENGTH_BYTES, Marker, Offset } from './layout.ts'

/** `to` and `ref` with their markers, which a publish does not have. */
const ADDRESS_BYTES = 14
const ADDRESS_AT = Offset.to - 1
/** The header's key, and the marker of its value: fixed-width, as whatever the broker writes. */
const ATTEMPT = Uint8Array.of(0xa8, ...new TextEncoder().encode('$attempt'), Marker.uint32)
const ATTEMPT_BYTES = ATTEMPT.length + 4

const FIXMAP = 0x80
const MAX_FIXMAP = 15
const MAP16 = 0xde
const MAP32 = 0xdf

/** Messages on lease as frames for the consumer with that subscription number, one behind the other, in bytes of their own. */
export function leasedFrames(messages: readonly Leased[], subscription: number): Uint8Array<ArrayBuffer> {
  let size = 0
  for (const message of messages) size += leasedLength(message)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const message of messages) at = write(bytes, view, at, message, subscription)
  return bytes
}

function leasedLength({ frame, attempt }: Leased): number {
  const isPublish = frame[Offset.kind] === Kind.publish
  const size = frame.length + (isPublish ? ADDRESS_BYTES : 0)
  return attempt === 1 ? size : size + ATTEMPT_BYTES + growth(frame, headersAt(frame, isPublish))
}

function headersAt(frame: Uint8Array, isPublish: boolean): number {
  const subjectAt = isPublish ? Offset.subject : Offset.longSubject
  return subjectAt + frame[subjectAt - 1]!
}

/** Bytes by which the marker of a map grows with one more entry. */
function growth(frame: Uint8Array, at: number): number {
  const marker = frame[at]!
  return (marker === (FIXMAP | MAX_FIXMAP)) || (marker === MAP16 && countAt(frame, at) === 0xffff) ? 2 : 0
}

function countAt(frame: Uint8Array, at: number): number {
  return (frame[at + 1]! << 8) | frame[at + 2]!
}

function write(bytes: Uint8Array, view: DataView, start: number, { frame, position, attempt }: Leased, subscription: number): number {
  const isPublish = frame[Offset.kind] === Kind.publish
  let at = start
  if (isPublish) {
    bytes.set(frame.subarray(0, ADDRESS_AT), start)
    at += ADDRESS_AT + ADDRESS_BYTES
    bytes[start + Offset.array] = Marker.longArray
    bytes[start + ADDRESS_AT] = Marker.uint32
    bytes[start + Offset.ref - 1] = Marker.uint64
  }
  const end = attempt === 1 ? copyRest(bytes, at, frame, isPublish) : copyWithAttempt(bytes, view, at, frame, isPublish, attempt)
  bytes[start + Offset.kind] = isPublish ? Kind.leased : Kind.leasedRequest
  if (attempt > 1) view.setUint16(start + Offset.flags, view.getUint16(start + Offset.flags) | Flag.headers)
  view.setUint32(start, end - start - LENGTH_BYTES)
  view.setUint32(start + Offset.to, subscription)
  view.setUint32(start + Offset.ref, Math.floor(position / 2 ** 32))
  view.setUint32(start + Offset.ref + 4, position >>> 0)
  return end
}

// A request has its address already, and is copied whole.
function copyRest(bytes: Uint8Array, at: number, frame: Uint8Array, isPublish: boolean): number {
  const rest = isPublish ? frame.subarray(ADDRESS_AT) : frame
  bytes.set(rest, at)
  return at + rest.length
}

// In front of the others: a signature is the last header.
function copyWithAttempt(bytes: Uint8Array, view: DataView, from: number, frame: Uint8Array, isPublish: boolean, attempt: number): number {
  const mapAt = headersAt(frame, isPublish)
  const front = frame.subarray(isPublish ? ADDRESS_AT : 0, mapAt)
  bytes.set(front, from)
  let at = from + front.length
  let restAt = mapAt + 1
  const marker = frame[mapAt]!
  if (marker === Marker.nil) bytes[at++] = FIXMAP | 1
  else if (marker < (FIXMAP | MAX_FIXMAP)) bytes[at++] = marker + 1
  else {
    const isLong = marker === MAP32
    const count = marker === MAP16 ? countAt(frame, mapAt) : isLong ? countAt(frame, mapAt) * 65_536 + countAt(frame, mapAt + 2) : MAX_FIXMAP
    if (marker !== FIXMAP + MAX_FIXMAP) restAt += isLong ? 4 : 2
    if (isLong || count === 0xffff) {
      bytes[at] = MAP32
      view.setUint32(at + 1, count + 1)
      at += 5
    } else {
      bytes[at] = MAP16
      view.setUint16(at + 1, count + 1)
      at += 3
    }
  }
  bytes.set(ATTEMPT, at)
  view.setUint32(at + ATTEMPT.length, attempt)
  at += ATTEMPT_BYTES
  bytes.set(frame.subarray(restAt), at)
  return at + frame.length - restAt
}
