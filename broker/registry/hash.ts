// A hash of texts that spreads well, also over texts that differ in one character: FNV-1a with the finish of MurmurHash3.
// It is the same in every process, so that a key stays with its instance over a restart; nothing secret rests on it.

/** 0..2^32-1 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix32(hash)
}

/** Another number of 0..2^32-1 for each: no two numbers become one. */
export function mix32(number: number): number {
  let hash = number | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
