// The bytes that messages carry. Never valid text, so that nobody on the way can treat them as such.

/** `bytes` bytes in a fixed pattern without a short period. */
export function patternBytes(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 131 + (i >> 8) * 17 + 128) & 0xff)
}
