// WebSocket frames as a client writes and a server's are read, by RFC 6455 section 5.2 alone: it shares no code with what it tests.

export interface SentFrame {
  /** default binary */
  readonly opcode?: number
  readonly payload?: Uint8Array | string
  /** default true */
  readonly fin?: boolean
  /** The three reserved bits: 4, 2, 1. default 0 */
  readonly rsv?: number
  /** Four bytes, or false for none. default some */
  readonly mask?: readonly number[] | false
  /** Bytes of the length: 1, 2 or 8 in the form with 0, 2 or 8 more. default the shortest */
  readonly lengthForm?: 0 | 2 | 8
  /** What the length says. default the truth */
  readonly length?: number | bigint
}

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8
export const PING = 9
export const PONG = 10

export function clientFrame({ opcode = BINARY, payload = '', fin = true, rsv = 0, mask = [0x37, 0xfa, 0x21, 0x3d], lengthForm, length }: SentFrame = {}): Buffer {
  const bytes = Buffer.from(payload)
  const said = BigInt(length ?? bytes.length)
  const form = lengthForm ?? (said > 0xffffn ? 8 : said > 125n ? 2 : 0)
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode, (mask === false ? 0 : 0x80) | (form === 8 ? 127 : form === 2 ? 126 : Number(said))]
  for (let at = form - 1; at >= 0; at--) head.push(Number((said >> BigInt(at * 8)) & 0xffn))
  if (mask === false) return Buffer.concat([Buffer.from(head), bytes])
  const masked = Buffer.from(bytes)
  for (let i = 0; i < masked.length; i++) masked[i]! ^= mask[i % 4]!
  return Buffer.concat([Buffer.from([...head, ...mask]), masked])
}

/** A close frame's payload. */
export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
}

export interface ReceivedFrame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly payload: Buffer
}

/** How many bytes the first frame in `bytes` has, header included; 0 while that cannot be told. */
export function serverFrameBytes(bytes: Buffer): number {
  if (bytes.length < 10) return 0
  const length = bytes[1]! & 0x7f
  return length === 127 ? 10 + Number(bytes.readBigUInt64BE(2)) : length === 126 ? 4 + bytes.readUInt16BE(2) : 2 + length
}

/** The first whole frame of a server in `bytes`, and where it ends; undefined while there is none. Fails on what no server may send. */
export function readServerFrame(bytes: Buffer): { readonly frame: ReceivedFrame; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined
  const [first, second] = [bytes[0]!, bytes[1]!]
  if ((second & 0x80) !== 0) throw new Error('a server masked a frame')
  const form = second === 127 ? 8 : second === 126 ? 2 : 0
  if (bytes.length < 2 + form) return undefined
  const length = form === 8 ? Number(bytes.readBigUInt64BE(2)) : form === 2 ? bytes.readUInt16BE(2) : second
  if (form === 2 && length < 126) throw new Error('a length of 7 bits was written with 16')
  if (form === 8 && length < 65_536) throw new Error('a length of 16 bits was written with 64')
  const end = 2 + form + length
  if (bytes.length < end) return undefined
  return { frame: { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 15, payload: Buffer.from(bytes.subarray(2 + form, end)) }, end }
}
