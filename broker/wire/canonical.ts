// Tells canonical frames from others, and rewrites any other valid MessagePack encoding of a frame.

import { BrokerError } from '../ground/errors.ts'
import { readUint32 } from './integers.ts'
import { FieldReader } from './field-reader.ts'
import { writeFrame } from './frame.ts'
import { headersLength } from './headers.ts'
import { Flag, Kind, LENGTH_BYTES, LONG_OVERHEAD, Marker, MAX_ID, MAX_SUBJECT_BYTES, Offset, PUBLISH_OVERHEAD } from './layout.ts'

/**
 * True when every marker stands where the fixed layout has it and the payload ends exactly at the frame's end.
 * `start` is the first byte of the length prefix. Headers, when there are any, are walked.
 * @throws BrokerError `frame.malformed` when the headers could not be read by every receiver
 */
export function isCanonical(bytes: Uint8Array, start: number, end: number): boolean {
  const isPublish = bytes[start + Offset.kind] === Kind.publish
  if (end - start < (isPublish ? PUBLISH_OVERHEAD : LONG_OVERHEAD)) return false
  if (
    bytes[start + 4] !== (isPublish ? Marker.publishArray : Marker.longArray) ||
    bytes[start + 5] !== Marker.uint8 ||
    bytes[start + 7] !== Marker.uint16 ||
    bytes[start + 10] !== Marker.uint32 ||
    bytes[start + 15] !== Marker.uint64 ||
    bytes[start + 24] !== Marker.uint64
  )
    return false
  if (!isPublish && (bytes[start + 33] !== Marker.uint32 || bytes[start + 38] !== Marker.uint64 || !isUint53(bytes, start + Offset.ref))) return false
  if (!isUint53(bytes, start + Offset.id) || !isUint53(bytes, start + Offset.time)) return false
  const subjectAt = start + (isPublish ? Offset.subject : Offset.longSubject)
  if (bytes[subjectAt - 2] !== Marker.str8) return false
  let at = subjectAt + bytes[subjectAt - 1]!
  if (at + 6 > end) return false
  const hasHeaders = (bytes[start + Offset.flags + 1]! & Flag.headers) !== 0
  if (hasHeaders === (bytes[at] === Marker.nil)) return false
  at += hasHeaders ? headersLength(bytes.subarray(at, end)) : 1
  return at + 5 <= end && bytes[at] === Marker.bin32 && at + 5 + readUint32(bytes, at + 1) === end
}

/**
 * Reads a frame in any valid MessagePack encoding and writes it in canonical form, in bytes of its own. Headers keep
 * the encoding that they have: a signature covers them, and integers above 2^53 survive.
 * Unknown kinds and flags pass: judging them is the protocol's.
 * @throws BrokerError `frame.malformed` naming the field that is wrong
 */
export function rewrite(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const reader = new FieldReader(bytes.subarray(start + LENGTH_BYTES, end))
  const count = reader.array()
  const kind = reader.integer('kind', 0xff)
  const isPublish = kind === Kind.publish
  const expected = isPublish ? 8 : 10
  if (count !== expected) throw new BrokerError('frame.malformed', { problem: `kind ${kind} has ${expected} fields, this one has ${count}` })
  const fields = {
    kind,
    flags: reader.integer('flags', 0xffff),
    origin: reader.integer('origin', 0xffffffff),
    id: reader.integer('id', MAX_ID),
    time: reader.integer('time', MAX_ID),
    to: isPublish ? 0 : reader.integer('to', 0xffffffff),
    ref: isPublish ? 0 : reader.integer('ref', MAX_ID),
  }
  const subject = reader.text('subject', MAX_SUBJECT_BYTES)
  const headers = reader.headers()
  const payload = reader.binary('payload')
  reader.end()
  return writeFrame({ ...fields, payload }, subject, headers)
}

// Of the eight bytes at `at` only the low 53 bits are used.
function isUint53(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0 && bytes[at + 1]! < 0x20
}
