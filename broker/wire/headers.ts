// The headers of a frame: written, read, and walked without decoding. What they mean is the protocol's.
//
// A frame is delivered as it was published, so what the broker lets in every subscriber must be able to read: other
// languages' decoders throw on keys that are no strings and on invalid UTF-8, and JavaScript's on "__proto__".

import { Decoder, Encoder } from '@msgpack/msgpack'
import { BrokerError } from '../ground/errors.ts'

export type Headers = Readonly<Record<string, unknown>>

/** Maps and arrays within each other, the headers themselves included. Decoders that recurse must survive it. */
const MAX_DEPTH = 16
const PROTO = new TextEncoder().encode('__proto__')
const utf8 = new TextDecoder('utf-8', { fatal: true })
// One of each for all: the library's functions make a new one, with 2 KiB of its own, for every call.
const encoder = new Encoder()
const decoder = new Decoder()

/**
 * Headers as MessagePack.
 * @throws BrokerError `frame.malformed` when a value has no MessagePack form
 */
export function encodeHeaders(headers: Headers): Uint8Array {
  try {
    return encoder.encode(headers)
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'a header has a value that MessagePack cannot hold' }, { cause: error })
  }
}

/** @throws BrokerError `frame.malformed` */
export function decodeHeaders(bytes: Uint8Array): Headers {
  try {
    return decoder.decode(bytes) as Headers
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'headers are not valid MessagePack' }, { cause: error })
  }
}

/**
 * Bytes that the headers map at the front of `bytes` takes.
 * @throws BrokerError `frame.malformed` when no whole map stands there, or one that some receiver could not read
 */
export function headersLength(bytes: Uint8Array): number {
  const marker = byteAt(bytes, 0)
  if ((marker & 0xf0) !== 0x80 && marker !== 0xde && marker !== 0xdf) throw malformed('must be nil or a map')
  return valueEnd(bytes, 0, 0)
}

function valueEnd(bytes: Uint8Array, at: number, depth: number): number {
  const marker = byteAt(bytes, at)
  if (marker < 0x80 || marker >= 0xe0) return at + 1
  if (marker < 0x90) return mapEnd(bytes, at + 1, marker & 0x0f, depth)
  if (marker < 0xa0) return arrayEnd(bytes, at + 1, marker & 0x0f, depth)
  if (marker < 0xc0) return stringEnd(bytes, at + 1, marker & 0x1f)
  switch (marker) {
    case 0xc0: case 0xc2: case 0xc3: return at + 1
    case 0xc4: return within(bytes, at + 2 + uint(bytes, at + 1, 1))
    case 0xc5: return within(bytes, at + 3 + uint(bytes, at + 1, 2))
    case 0xc6: return within(bytes, at + 5 + uint(bytes, at + 1, 4))
    case 0xc7: return extensionEnd(bytes, at + 2, uint(bytes, at + 1, 1))
    case 0xc8: return extensionEnd(bytes, at + 3, uint(bytes, at + 1, 2))
    case 0xc9: return extensionEnd(bytes, at + 5, uint(bytes, at + 1, 4))
    case 0xcc: case 0xd0: return within(bytes, at + 2)
    case 0xcd: case 0xd1: return within(bytes, at + 3)
    case 0xca: case 0xce: case 0xd2: return within(bytes, at + 5)
    case 0xcb: case 0xcf: case 0xd3: return within(bytes, at + 9)
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return extensionEnd(bytes, at + 1, 1 << (marker - 0xd4))
    case 0xd9: return stringEnd(bytes, at + 2, uint(bytes, at + 1, 1))
    case 0xda: return stringEnd(bytes, at + 3, uint(bytes, at + 1, 2))
    case 0xdb: return stringEnd(bytes, at + 5, uint(bytes, at + 1, 4))
    case 0xdc: return arrayEnd(bytes, at + 3, uint(bytes, at + 1, 2), depth)
    case 0xdd: return arrayEnd(bytes, at + 5, uint(bytes, at + 1, 4), depth)
    case 0xde: return mapEnd(bytes, at + 3, uint(bytes, at + 1, 2), depth)
    case 0xdf: return mapEnd(bytes, at + 5, uint(bytes, at + 1, 4), depth)
    default: throw malformed(`have 0x${marker.toString(16)}, which is not a MessagePack marker`)
  }
}

// An announced count reserves nothing: each element takes a byte at least, so the walk ends with the bytes.
function arrayEnd(bytes: Uint8Array, from: number, count: number, depth: number): number {
  if (depth === MAX_DEPTH) throw malformed(`are nested more than ${MAX_DEPTH} deep`)
  let at = from
  for (let i = 0; i < count; i++) at = valueEnd(bytes, at, depth + 1)
  return at
}

function mapEnd(bytes: Uint8Array, from: number, count: number, depth: number): number {
  if (depth === MAX_DEPTH) throw malformed(`are nested more than ${MAX_DEPTH} deep`)
  let at = from
  for (let i = 0; i < count; i++) {
    const marker = byteAt(bytes, at)
    const isString = (marker & 0xe0) === 0xa0 || (marker >= 0xd9 && marker <= 0xdb)
    if (!isString) throw malformed('have a key that is not a string')
    const textAt = at + 1 + (marker < 0xc0 ? 0 : 1 << (marker - 0xd9))
    const end = valueEnd(bytes, at, depth)
    if (end - textAt === PROTO.length && PROTO.every((byte, index) => bytes[textAt + index] === byte)) throw malformed('have the key "__proto__"')
    at = valueEnd(bytes, end, depth + 1)
  }
  return at
}

function stringEnd(bytes: Uint8Array, from: number, length: number): number {
  const end = within(bytes, from + length)
  let at = from
  while (at < end && bytes[at]! < 0x80) at++
  if (at === end) return end
  try {
    utf8.decode(bytes.subarray(at, end))
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'a header is not valid UTF-8' }, { cause: error })
  }
  return end
}

function extensionEnd(bytes: Uint8Array, typeAt: number, length: number): number {
  // MessagePack "timestamp extension type": type -1 in 4, 8 or 12 bytes.
  if (byteAt(bytes, typeAt) === 0xff && length !== 4 && length !== 8 && length !== 12) throw malformed(`have a timestamp of ${length} bytes`)
  return within(bytes, typeAt + 1 + length)
}

function uint(bytes: Uint8Array, from: number, size: number): number {
  let value = 0
  for (let at = from; at < within(bytes, from + size); at++) value = value * 256 + bytes[at]!
  return value
}

function byteAt(bytes: Uint8Array, at: number): number {
  within(bytes, at + 1)
  return bytes[at]!
}

function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw malformed('do not end within the frame')
  return end
}

function malformed(what: string): BrokerError {
  return new BrokerError('frame.malformed', { problem: `its headers ${what}` })
}
