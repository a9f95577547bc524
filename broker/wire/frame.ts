// Writes frames by hand and reads their fields; the canonical form only (see canonical.ts for the rest).

import { BrokerError } from '../ground/errors.ts'
import { decodeHeaders, encodeHeaders, headersLength, type Headers } from './headers.ts'
import { readUint32, readUint53, writeUint32, writeUint53 } from './integers.ts'
import { Flag, Kind, LENGTH_BYTES, LONG_OVERHEAD, Marker, MAX_ID, MAX_SUBJECT_BYTES, Offset, PUBLISH_OVERHEAD } from './layout.ts'

export type { Headers }

/** All that a frame says, decoded. `payload` is a view into the frame's bytes. */
export interface Frame {
  kind: number
  flags: number
  /** Number of the connection that sent it; 0 for the broker itself. Stamped by the broker. */
  origin: number
  /** The sender's number, 0..2^53-1, increasing within its connection. */
  id: number
  /** Microseconds since the epoch when the broker received it. Stamped by the broker. */
  time: number
  /** response, part, error: origin of the request. request: milliseconds left to answer. Otherwise 0. */
  to: number
  /** response, part, error, receipt, ok, cancel, end: id of the frame it is about. Group deliveries: subscription number. */
  ref: number
  subject: string
  headers: Headers | undefined
  payload: Uint8Array
}

/** What a writer may leave out; numbers default to 0, the rest to empty. */
export type FrameInit = Partial<Frame> & { kind: number }

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { fatal: true })
const NO_BYTES = new Uint8Array(0)

/**
 * One frame with its length prefix, in canonical form, in bytes of its own.
 * Sets the flag `headers` when there are any, clears it otherwise.
 * @throws BrokerError `subject.invalid` above 255 bytes; `frame.id_order` when id, time or ref is not an integer of
 * 0..2^53-1; `frame.malformed` when a header has no MessagePack form
 */
export function encodeFrame(init: FrameInit): Uint8Array<ArrayBuffer> {
  return writeFrame(init, utf8.encode(init.subject ?? ''), init.headers && encodeHeaders(init.headers))
}

/** Bytes that `encodeFrame` would write. @throws BrokerError as that does */
export function frameBytes(init: FrameInit): number {
  return writtenBytes(init, utf8.encode(init.subject ?? ''), init.headers && encodeHeaders(init.headers))
}

/** One frame with subject and headers as the bytes that stand in the frame; what `init` says of the two is not read. */
export function writeFrame(init: FrameInit, subject: Uint8Array, headers: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(writtenBytes(init, subject, headers))
  writeFrameAt(bytes, 0, init, init.id ?? 0, subject, headers)
  return bytes
}

/** Bytes that the frame takes. @throws BrokerError `subject.invalid` above 255 bytes */
export function writtenBytes(init: FrameInit, subject: Uint8Array, headers: Uint8Array | undefined): number {
  if (subject.length > MAX_SUBJECT_BYTES) throw new BrokerError('subject.invalid', { subject: init.subject ?? '', problem: `${subject.length} bytes, at most ${MAX_SUBJECT_BYTES} are allowed` })
  const overhead = init.kind === Kind.publish ? PUBLISH_OVERHEAD : LONG_OVERHEAD
  return overhead + subject.length + (headers === undefined ? 0 : headers.length - 1) + (init.payload === undefined ? 0 : init.payload.length)
}

/**
 * The same into `bytes` from `start` on, where `writtenBytes` have room, with `id` in place of what `init` says; gives its end.
 * @throws BrokerError `frame.id_order` when id, time or ref is not an integer of 0..2^53-1
 */
export function writeFrameAt(bytes: Uint8Array, start: number, init: FrameInit, id: number, subject: Uint8Array, headers: Uint8Array | undefined): number {
  const payload = init.payload ?? NO_BYTES
  const flags = headers === undefined ? (init.flags ?? 0) & ~Flag.headers : (init.flags ?? 0) | Flag.headers
  const isPublish = init.kind === Kind.publish
  bytes[start + Offset.array] = isPublish ? Marker.publishArray : Marker.longArray
  bytes[start + 5] = Marker.uint8
  bytes[start + Offset.kind] = init.kind
  bytes[start + 7] = Marker.uint16
  bytes[start + Offset.flags] = flags >>> 8
  bytes[start + Offset.flags + 1] = flags
  bytes[start + 10] = Marker.uint32
  writeUint32(bytes, start + Offset.origin, init.origin ?? 0)
  bytes[start + 15] = Marker.uint64
  putUint53(bytes, start + Offset.id, id)
  bytes[start + 24] = Marker.uint64
  putUint53(bytes, start + Offset.time, init.time ?? 0)
  let at = start + Offset.time + 8
  if (!isPublish) {
    bytes[at] = Marker.uint32
    writeUint32(bytes, start + Offset.to, init.to ?? 0)
    bytes[start + Offset.ref - 1] = Marker.uint64
    putUint53(bytes, start + Offset.ref, init.ref ?? 0)
    at = start + Offset.ref + 8
  }
  bytes[at++] = Marker.str8
  bytes[at++] = subject.length
  bytes.set(subject, at)
  at += subject.length
  if (headers === undefined) bytes[at++] = Marker.nil
  else {
    bytes.set(headers, at)
    at += headers.length
  }
  bytes[at++] = Marker.bin32
  writeUint32(bytes, at, payload.length)
  bytes.set(payload, at + 4)
  const end = at + 4 + payload.length
  writeUint32(bytes, start, end - start - LENGTH_BYTES)
  return end
}

/**
 * Reads one canonical frame of `bytes` from `start` (its length prefix) to `end`.
 * @throws BrokerError `frame.malformed` when headers, id, ref or the subject's UTF-8 are not valid
 */
export function decodeFrame(bytes: Uint8Array, start: number, end: number): Frame {
  const kind = bytes[start + Offset.kind]!
  const isPublish = kind === Kind.publish
  const subjectAt = start + (isPublish ? Offset.subject : Offset.longSubject)
  const headersAt = subjectAt + bytes[subjectAt - 1]!
  const payloadAt = start + payloadOffset(bytes, start, end)
  return {
    kind,
    flags: (bytes[start + Offset.flags]! << 8) | bytes[start + Offset.flags + 1]!,
    origin: readUint32(bytes, start + Offset.origin),
    id: getUint53(bytes, start + Offset.id),
    time: getUint53(bytes, start + Offset.time),
    to: isPublish ? 0 : readUint32(bytes, start + Offset.to),
    ref: isPublish ? 0 : getUint53(bytes, start + Offset.ref),
    // Answers have none.
    subject: headersAt === subjectAt ? '' : decodeText(bytes.subarray(subjectAt, headersAt)),
    headers: bytes[headersAt] === Marker.nil ? undefined : decodeHeaders(bytes.subarray(headersAt, payloadAt - 5)),
    payload: bytes.subarray(payloadAt, end),
  }
}

/**
 * Where the payload of a canonical frame begins, from the frame's first byte.
 * Without headers it is a sum; with headers the bin32 marker is found from the end, as the payload ends the frame.
 */
export function payloadOffset(bytes: Uint8Array, start: number, end: number): number {
  const subjectAt = bytes[start + Offset.kind] === Kind.publish ? Offset.subject : Offset.longSubject
  const headersAt = subjectAt + bytes[start + subjectAt - 1]!
  if (bytes[start + headersAt] === Marker.nil) return headersAt + 6
  const length = headersLength(bytes.subarray(start + headersAt, end))
  return headersAt + length + 5
}

/**
 * UTF-8 to string.
 * @throws BrokerError `frame.malformed`
 */
function decodeText(bytes: Uint8Array): string {
  try {
    return text.decode(bytes)
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'the subject is not valid UTF-8' }, { cause: error })
  }
}

/** @throws BrokerError `frame.id_order` */
function putUint53(bytes: Uint8Array, at: number, value: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_ID)) throw new BrokerError('frame.id_order', { actual: value, previous: 0 })
  writeUint53(bytes, at, value)
}

/** @throws BrokerError `frame.malformed` above 2^53-1 */
function getUint53(bytes: Uint8Array, at: number): number {
  if (readUint32(bytes, at) > 0x1fffff) throw new BrokerError('frame.malformed', { problem: 'an id, time or ref is above 2^53-1' })
  return readUint53(bytes, at)
}
