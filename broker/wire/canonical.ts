// Tells canonical frames from others, and rewrites any other valid MessagePack encoding of a frame.

import { decode } from '@msgpack/msgpack'
import { BrokerError } from '../ground/errors.ts'
import { encodeFrame, headersLength, type Headers } from './frame.ts'
import { Flag, Kind, LENGTH_BYTES, LONG_OVERHEAD, Marker, MAX_ID, Offset, PUBLISH_OVERHEAD } from './layout.ts'

/**
 * True when every marker stands where the fixed layout has it and the payload ends exactly at the frame's end.
 * `start` is the first byte of the length prefix. Headers, when there are any, are walked.
 * @throws BrokerError `frame.malformed` when headers stand there but are not a whole map
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
  if (!isPublish && (bytes[start + 33] !== Marker.uint32 || bytes[start + 38] !== Marker.uint64)) return false
  const subjectAt = start + (isPublish ? Offset.subject : Offset.longSubject)
  if (bytes[subjectAt - 2] !== Marker.str8) return false
  let at = subjectAt + bytes[subjectAt - 1]!
  if (at + 6 > end) return false
  const hasHeaders = (bytes[start + Offset.flags + 1]! & Flag.headers) !== 0
  if (bytes[at] === Marker.nil) at += 1
  else if (hasHeaders) at += headersLength(bytes.subarray(at, end))
  else return false
  return at + 5 <= end && bytes[at] === Marker.bin32 && at + 5 + readUint32(bytes, at + 1) === end
}

/**
 * Decodes a frame in any valid MessagePack encoding and writes it in canonical form, in bytes of its own.
 * Unknown kinds and flags pass: judging them is the protocol's.
 * @throws BrokerError `frame.malformed` naming the field that is wrong
 */
export function rewrite(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  let fields: unknown
  try {
    fields = decode(bytes.subarray(start + LENGTH_BYTES, end))
  } catch (error) {
    throw malformed('it is not one MessagePack value', error)
  }
  if (!Array.isArray(fields)) throw malformed('it is not an array')
  const kind = integer(fields[0], 'kind', 255)
  const expected = kind === Kind.publish ? 8 : 10
  if (fields.length !== expected) throw malformed(`kind ${kind} has ${expected} fields, this one has ${fields.length}`)
  const [subject, headers, payload] = fields.slice(-3) as unknown[]
  if (typeof subject !== 'string') throw malformed('the subject is not a string')
  if (headers !== null && !isHeaders(headers)) throw malformed('headers are neither nil nor a map')
  if (!(payload instanceof Uint8Array)) throw malformed('the payload is not binary')
  return encodeFrame({
    kind,
    flags: integer(fields[1], 'flags', 0xffff) & ~Flag.headers,
    origin: integer(fields[2], 'origin', 0xffffffff),
    id: integer(fields[3], 'id', MAX_ID),
    time: integer(fields[4], 'time', MAX_ID),
    to: kind === Kind.publish ? 0 : integer(fields[5], 'to', 0xffffffff),
    ref: kind === Kind.publish ? 0 : integer(fields[6], 'ref', MAX_ID),
    subject,
    headers: headers ?? undefined,
    payload,
  })
}

function isHeaders(value: unknown): value is Headers {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

function integer(value: unknown, name: string, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  throw malformed(`${name} must be an integer of 0..${max}`)
}

function malformed(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('frame.malformed', { problem }, cause === undefined ? undefined : { cause })
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
