// WebSocket frames as a client writes them (RFC 6455 5.2): a header with length and key, the payload masked.
//
//   82 | 80+length (7, 7+16 or 7+64 bits) | key, 4 bytes | payload[i] ^ key[i % 4]

/** The key of every frame. Fixed, so that chunks can be masked ahead; its bytes differ, so that a mistake in their order shows. */
const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d)

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const FIN = 0x80
const MASKED = 0x80

/** The header in front of `payloadBytes` masked bytes. */
export function maskedHead(payloadBytes: number, opcode: number = Opcode.binary): Uint8Array {
  const lengthBytes = payloadBytes < 126 ? 0 : payloadBytes < 2 ** 16 ? 2 : 8
  const head = Buffer.alloc(2 + lengthBytes + KEY.length)
  head[0] = FIN | opcode
  head[1] = MASKED | (lengthBytes === 0 ? payloadBytes : lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) head.writeUInt16BE(payloadBytes, 2)
  else if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(payloadBytes), 2)
  head.set(KEY, 2 + lengthBytes)
  return head
}

/** Masks `count` bytes in place; `offset` is where in its frame's payload the first of them stands. */
export function mask(bytes: Uint8Array, at: number, count: number, offset: number): void {
  for (let i = 0; i < count; i++) bytes[at + i]! ^= KEY[(offset + i) & 3]!
}

/** One whole frame in bytes of its own. */
export function maskedFrame(payload: Uint8Array, opcode?: number): Uint8Array {
  const head = maskedHead(payload.length, opcode)
  const frame = Buffer.concat([head, payload])
  mask(frame, head.length, payload.length, 0)
  return frame
}
