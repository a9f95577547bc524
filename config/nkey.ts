// Whether a text is a public nkey, as NATS writes them. Knows nothing of seeds and signatures.
//
//   base32 of   [ prefix 1 ][ Ed25519 public key 32 ][ CRC-16 of both, little-endian, 2 ]   = 56 characters

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const BYTES = 35
/** The top five bits of the prefix are the first character. */
const USER = 'U'
const ACCOUNT = 'A'

/** True for the public key of a user (`U…`) or of an account (`A…`). */
export function isPublicNkey(text: string): boolean {
  if (!/^[A-Z2-7]{56}$/.test(text) || (text[0] !== USER && text[0] !== ACCOUNT)) return false
  const bytes = decode(text)
  // The prefix takes its byte with three bits that are zero.
  if ((bytes[0]! & 0x07) !== 0) return false
  return crc16(bytes.subarray(0, BYTES - 2)) === (bytes[BYTES - 2]! | (bytes[BYTES - 1]! << 8))
}

function decode(text: string): Uint8Array {
  const bytes = new Uint8Array(BYTES)
  let bits = 0
  let value = 0
  let at = 0
  for (const character of text) {
    value = ((value << 5) | ALPHABET.indexOf(character)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (value >> bits) & 0xff
  }
  return bytes
}

// CRC-16/XMODEM: polynomial 0x1021, from zero.
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc
}
