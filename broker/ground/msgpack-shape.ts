// Walks MessagePack without decoding it. A decoder allocates an array as long as a header says before it reads the
// elements: 40 bytes of nested headers made it take 2 GB. So strangers' bytes are walked first.

/** Bytes behind the marker: of values of fixed size, and of the length in front of strings, binaries and extensions. */
const FIXED = new Map([[0xc0, 0], [0xc2, 0], [0xc3, 0], [0xca, 4], [0xcb, 8], [0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8], [0xd0, 1], [0xd1, 2], [0xd2, 4], [0xd3, 8], [0xd4, 2], [0xd5, 3], [0xd6, 5], [0xd7, 9], [0xd8, 17]])
const SIZED = new Map([[0xc4, 1], [0xc5, 2], [0xc6, 4], [0xd9, 1], [0xda, 2], [0xdb, 4]])
const EXTENSIONS = new Map([[0xc7, 1], [0xc8, 2], [0xc9, 4]])
/** Bytes of the count, and values per element. */
const CONTAINERS = new Map<number, readonly [countBytes: number, perElement: number]>([[0xdc, [2, 1]], [0xdd, [4, 1]], [0xde, [2, 2]], [0xdf, [4, 2]]])

/**
 * True when `bytes` is one whole MessagePack value: every element that a header announces is there. Says nothing of
 * texts, keys and extensions, which the decoder judges. Takes no stack, however deep the value nests.
 */
export function isWholeMsgpack(bytes: Uint8Array): boolean {
  let at = 0
  for (let missing = 1; missing > 0; missing--) {
    if (missing > bytes.length - at) return false
    const marker = bytes[at++]!
    if (marker < 0x80 || marker >= 0xe0) continue
    if (marker < 0x90) missing += (marker & 0x0f) * 2
    else if (marker < 0xa0) missing += marker & 0x0f
    else if (marker < 0xc0) at += marker & 0x1f
    else if (FIXED.has(marker)) at += FIXED.get(marker)!
    else {
      const [lengthBytes, perElement] = CONTAINERS.get(marker) ?? [SIZED.get(marker) ?? EXTENSIONS.get(marker) ?? 0, 0]
      if (lengthBytes === 0 || at + lengthBytes > bytes.length) return false
      let length = 0
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at++]!
      if (perElement > 0) missing += length * perElement
      else at += EXTENSIONS.has(marker) ? length + 1 : length
    }
  }
  return at === bytes.length
}
