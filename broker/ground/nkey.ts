// Public nkeys, the names of users, accounts and operators in NATS: an Ed25519 key as text. Knows no seeds.
//
//   base32 without padding of   prefix 1 │ public key 32 │ CRC-16 of both 2, little endian   = 56 characters
//
// Checked by the runtime, not by the nkeys package: that one's JavaScript takes 100 times as long (11 ms), and anybody may ask for it before he is known.

import { createPublicKey, verify, type KeyObject } from 'node:crypto'

/** What a key stands for: whoever signs the server's nonce, whoever issues the JWTs of such users, or those of such accounts. */
export type NkeyKind = 'user' | 'account' | 'operator'

export interface Nkey {
  /** As it stands in configurations and on the wire, `U…`, `A…` or `O…`. */
  readonly text: string
  readonly kind: NkeyKind
  readonly key: KeyObject
}

const LENGTH = 56
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const KINDS = new Map<number, NkeyKind>([[20 << 3, 'user'], [0, 'account'], [14 << 3, 'operator']])
const KEY_BYTES = 32
/** RFC 8410: SubjectPublicKeyInfo of an Ed25519 key is this and the key. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const CRC_POLYNOMIAL = 0x1021

/** The key of a user, an account or an operator; undefined when the text is none, also where a letter was mistyped. */
export function readNkey(text: string): Nkey | undefined {
  if (text.length !== LENGTH) return undefined
  const bytes = decodeBase32(text)
  const kind = bytes === undefined ? undefined : KINDS.get(bytes[0]!)
  if (bytes === undefined || kind === undefined) return undefined
  const end = 1 + KEY_BYTES
  if (crc16(bytes.subarray(0, end)) !== bytes.readUInt16LE(end)) return undefined
  return { text, kind, key: createPublicKey({ key: Buffer.concat([SPKI, bytes.subarray(1, end)]), format: 'der', type: 'spki' }) }
}

/** True when the holder of the key has signed `data`. */
export function hasSigned({ key }: Nkey, data: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, data, key, signature)
}

function decodeBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc((text.length * 5) >> 3)
  let bits = 0
  let held = 0
  let at = 0
  for (const letter of text) {
    const value = BASE32.indexOf(letter)
    if (value < 0) return undefined
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >> bits
  }
  return bytes
}

// CRC-16/XMODEM.
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ CRC_POLYNOMIAL) & 0xffff
  }
  return crc
}
