// The first bytes of a WebSocket frame, as RFC 6455 section 5.2 draws them. Knows no payload.
//
//   byte 0   FIN RSV1 RSV2 RSV3 | opcode (4)
//   byte 1   MASK | length (7): 0..125, 126 = two more bytes follow, 127 = eight
//   then     the length's other bytes, and with MASK four bytes of mask

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export const FIN = 0x80
/** RSV1: the message is compressed (RFC 7692). */
export const COMPRESSED = 0x40
const RESERVED = 0x30
const MASKED = 0x80
const LENGTH = 0x7f
const LENGTH_16 = 126
const LENGTH_64 = 127
/** RFC 6455 5.5: a control frame carries at most 125 bytes. */
const MAX_CONTROL_BYTES = 125

/** Longest header of a client's frame. bytes */
export const MAX_HEADER_BYTES = 14

/** What is left of a header's bytes when its second byte is known: how many there are in all. */
export function headerBytes(second: number): number {
  const length = second & LENGTH
  return 2 + (length === LENGTH_64 ? 8 : length === LENGTH_16 ? 2 : 0) + ((second & MASKED) === 0 ? 0 : 4)
}

/** The payload's length of a header that is whole; lengths past 2^53 come out too large, never too small. bytes */
export function payloadBytes(view: DataView, at: number): number {
  const length = view.getUint8(at + 1) & LENGTH
  if (length < LENGTH_16) return length
  return length === LENGTH_16 ? view.getUint16(at + 2) : view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6)
}

export function isMasked(second: number): boolean {
  return (second & MASKED) !== 0
}

/** A frame of a message, first or further, and not compressed. */
export function isPlainData(first: number): boolean {
  return (first & (COMPRESSED | RESERVED)) === 0 && (first & 0x0f) <= Opcode.binary
}

/** Wrong whatever follows: nothing more of such a frame is waited for. */
export function isBroken(first: number, second: number): boolean {
  const opcode = first & 0x0f
  const isControl = opcode >= Opcode.close
  return (first & RESERVED) !== 0 || !isMasked(second) || (opcode > Opcode.binary && !isControl) || opcode > Opcode.pong || (isControl && ((first & (FIN | COMPRESSED)) !== FIN || (second & LENGTH) > MAX_CONTROL_BYTES))
}

/** Bytes of the header that a frame of the server needs: it has no mask. */
export function sentHeaderBytes(payload: number): number {
  return payload < LENGTH_16 ? 2 : payload < 2 ** 16 ? 4 : 10
}

/** Writes such a header; gives where the payload begins. */
export function writeHeader(bytes: Uint8Array, at: number, first: number, payload: number): number {
  bytes[at] = first
  if (payload < LENGTH_16) {
    bytes[at + 1] = payload
    return at + 2
  }
  const isShort = payload < 2 ** 16
  bytes[at + 1] = isShort ? LENGTH_16 : LENGTH_64
  const end = at + (isShort ? 4 : 10)
  let rest = payload
  for (let i = end - 1; i > at + 1; i--) {
    bytes[i] = rest & 0xff
    rest = Math.floor(rest / 256)
  }
  return end
}
