// Writes frames by hand and reads their fields; the canonical form only (see canonical.ts for the rest).

import { decode, encode } from '@msgpack/msgpack'
import { BrokerError } from '../ground/errors.ts'
import { Flag, Kind, LENGTH_BYTES, LONG_OVERHEAD, Marker, MAX_ID, MAX_SUBJECT_BYTES, Offset, PUBLISH_OVERHEAD } from './layout.ts'

export type Headers = Readonly<Record<string, unknown>>

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
 * Sets the flag `headers` when there are any.
 * @throws BrokerError `subject.invalid` above 255 bytes; `frame.id_order` when id or ref is not an integer of 0..2^53-1
 */
export function encodeFrame(init: FrameInit): Uint8Array<ArrayBuffer> {
  const subject = utf8.encode(init.subject ?? '')
  const payload = init.payload ?? NO_BYTES
  const headers = init.headers === undefined ? undefined : encode(init.headers)
  if (subject.length > MAX_SUBJECT_BYTES) throw new BrokerError('subject.invalid', { subject: init.subject ?? '', problem: `${subject.length} bytes, at most ${MAX_SUBJECT_BYTES} are allowed` })
  const isPublish = init.kind === Kind.publish
  const size = (isPublish ? PUBLISH_OVERHEAD : LONG_OVERHEAD) + subject.length + (headers ? headers.length - 1 : 0) + payload.length
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, size - LENGTH_BYTES)
  bytes[Offset.array] = isPublish ? Marker.publishArray : Marker.longArray
  bytes[5] = Marker.uint8
  bytes[Offset.kind] = init.kind
  bytes[7] = Marker.uint16
  view.setUint16(Offset.flags, (init.flags ?? 0) | (headers ? Flag.headers : 0))
  bytes[10] = Marker.uint32
  view.setUint32(Offset.origin, init.origin ?? 0)
  bytes[15] = Marker.uint64
  putUint53(view, Offset.id, init.id ?? 0)
  bytes[24] = Marker.uint64
  putUint53(view, Offset.time, init.time ?? 0)
  let at: number = Offset.time + 8
  if (!isPublish) {
    bytes[33] = Marker.uint32
    view.setUint32(Offset.to, init.to ?? 0)
    bytes[38] = Marker.uint64
    putUint53(view, Offset.ref, init.ref ?? 0)
    at = Offset.ref + 8
  }
  bytes[at++] = Marker.str8
  bytes[at++] = subject.length
  bytes.set(subject, at)
  at += subject.length
  if (headers) {
    bytes.set(headers, at)
    at += headers.length
  } else bytes[at++] = Marker.nil
  bytes[at++] = Marker.bin32
  view.setUint32(at, payload.length)
  bytes.set(payload, at + 4)
  return bytes
}

/**
 * Reads one canonical frame of `bytes` from `start` (its length prefix) to `end`.
 * @throws BrokerError `frame.malformed` when headers, id, ref or the subject's UTF-8 are not valid
 */
export function decodeFrame(bytes: Uint8Array, start: number, end: number): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = bytes[start + Offset.kind]!
  const isPublish = kind === Kind.publish
  const subjectAt = start + (isPublish ? Offset.subject : Offset.longSubject)
  const headersAt = subjectAt + bytes[subjectAt - 1]!
  const flags = view.getUint16(start + Offset.flags)
  const payloadAt = start + payloadOffset(bytes, start, end)
  return {
    kind,
    flags,
    origin: view.getUint32(start + Offset.origin),
    id: getUint53(view, start + Offset.id),
    time: getUint53(view, start + Offset.time),
    to: isPublish ? 0 : view.getUint32(start + Offset.to),
    ref: isPublish ? 0 : getUint53(view, start + Offset.ref),
    subject: decodeText(bytes.subarray(subjectAt, headersAt)),
    headers: bytes[headersAt] === Marker.nil ? undefined : decodeHeaders(bytes.subarray(headersAt, payloadAt - 5)),
    payload: bytes.subarray(payloadAt, end),
  }
}

/**
 * Where the payload of a canonical frame begins, from the frame's first byte.
 * Without headers it is a sum; with headers the bin32 marker is found from the end, as the payload ends the frame.
 */
function payloadOffset(bytes: Uint8Array, start: number, end: number): number {
  const subjectAt = bytes[start + Offset.kind] === Kind.publish ? Offset.subject : Offset.longSubject
  const headersAt = subjectAt + bytes[start + subjectAt - 1]!
  if (bytes[start + headersAt] === Marker.nil) return headersAt + 6
  const length = headersLength(bytes.subarray(start + headersAt, end))
  return headersAt + length + 5
}

/**
 * Bytes that the headers map at the front of `bytes` takes.
 * @throws BrokerError `frame.malformed` when no whole MessagePack map stands there
 */
export function headersLength(bytes: Uint8Array): number {
  let at = 0
  let pending = 1
  const need = (count: number): number => {
    if (at + count > bytes.length) throw new BrokerError('frame.malformed', { problem: 'the headers do not end within the frame' })
    at += count
    return at - count
  }
  const uint = (size: number): number => {
    const from = need(size)
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + bytes[from + i]!
    return value
  }
  const first = bytes[0]!
  if (!((first & 0xf0) === 0x80 || first === 0xde || first === 0xdf)) throw new BrokerError('frame.malformed', { problem: 'headers must be nil or a map' })
  while (pending > 0) {
    pending--
    const marker = bytes[need(1)]!
    if (marker < 0x80 || marker >= 0xe0 || marker === 0xc0 || marker === 0xc2 || marker === 0xc3) continue
    if (marker < 0x90) pending += (marker & 0x0f) * 2
    else if (marker < 0xa0) pending += marker & 0x0f
    else if (marker < 0xc0) need(marker & 0x1f)
    else if (marker === 0xc4 || marker === 0xd9) need(uint(1))
    else if (marker === 0xc5 || marker === 0xda) need(uint(2))
    else if (marker === 0xc6 || marker === 0xdb) need(uint(4))
    else if (marker >= 0xc7 && marker <= 0xc9) need(uint(1 << (marker - 0xc7)) + 1)
    else if (marker === 0xca || marker === 0xce || marker === 0xd2) need(4)
    else if (marker === 0xcb || marker === 0xcf || marker === 0xd3) need(8)
    else if (marker === 0xcc || marker === 0xd0) need(1)
    else if (marker === 0xcd || marker === 0xd1) need(2)
    else if (marker >= 0xd4 && marker <= 0xd8) need((1 << (marker - 0xd4)) + 1)
    else if (marker === 0xdc) pending += uint(2)
    else if (marker === 0xdd) pending += uint(4)
    else if (marker === 0xde) pending += uint(2) * 2
    else if (marker === 0xdf) pending += uint(4) * 2
    else throw new BrokerError('frame.malformed', { problem: `0x${marker.toString(16)} is not a MessagePack marker` })
  }
  return at
}

function decodeHeaders(bytes: Uint8Array): Headers {
  try {
    return decode(bytes) as Headers
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'headers are not valid MessagePack' }, { cause: error })
  }
}

/**
 * UTF-8 to string.
 * @throws BrokerError `frame.malformed`
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return text.decode(bytes)
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'the subject is not valid UTF-8' }, { cause: error })
  }
}

/** @throws BrokerError `frame.id_order` */
function putUint53(view: DataView, at: number, value: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_ID)) throw new BrokerError('frame.id_order', { actual: value, previous: 0 })
  view.setUint32(at, Math.floor(value / 2 ** 32))
  view.setUint32(at + 4, value >>> 0)
}

/** @throws BrokerError `frame.malformed` above 2^53-1 */
function getUint53(view: DataView, at: number): number {
  const high = view.getUint32(at)
  if (high > 0x1fffff) throw new BrokerError('frame.malformed', { problem: 'an id, time or ref is above 2^53-1' })
  return high * 2 ** 32 + view.getUint32(at + 4)
}
