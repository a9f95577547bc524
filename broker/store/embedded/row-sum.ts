// The checksum of a row: what a message is for good in 32 bits, how far it came in 15. Knows no database and no keys.
//
//   sum (47 bits, a 6 byte integer in SQLite)
//   ├─ state, 15 bits     position, attempts, due time: written anew with each of them
//   └─ content, 32 bits   queue, position, stored at, expires at, sequence, message id, session, and the frame as it stands in the row
//
// Content is CRC-32: every burst of up to 32 bits is found, anything else but one in 4.3e9. CRC-32C or 64 bits would need code of our own,
// ten times slower than node:zlib's. The state's sum misses one change in 32,768; what it protects can be out of bounds only, never wrong bytes.

import { crc32 } from 'node:zlib'

/** What of a row never changes, beside its frame. */
export interface RowFields {
  readonly position: number
  readonly storedAtMs: number
  readonly expiresAtMs: number
  readonly sequence: number
  /** As they stand in the row: encrypted stores keep keyed hashes. */
  readonly messageId: string | null
  readonly session: string | null
}

const STATE_UNIT = 2 ** 32
const NOTHING = 0x5ca1ab1e

// One scratch for all: a thread computes one sum at a time.
const numbers = new Float64Array(4)
const numberBytes = new Uint8Array(numbers.buffer)

/** Where the sums of a queue begin: rows of another queue do not pass for its own. */
export function queueSeed(queue: string): number {
  return crc32(`callboard queue ${queue}\0`)
}

/** The lower 32 bits. `blob` as it stands in the row. */
export function contentSum(seed: number, fields: RowFields, blob: Uint8Array): number {
  numbers[0] = fields.position
  numbers[1] = fields.storedAtMs
  numbers[2] = fields.expiresAtMs
  numbers[3] = fields.sequence
  let sum = crc32(numberBytes, seed)
  // A text is followed by a mark of its own, so that the end of one is not the beginning of the next.
  if (fields.messageId !== null) sum = crc32(fields.messageId, (sum ^ NOTHING) >>> 0)
  if (fields.session !== null) sum = crc32(fields.session, ~sum >>> 0)
  return crc32(blob, sum)
}

/** The upper 15 bits, in their place: `content + stateSum(…)` is the row's sum. Pure arithmetic, as it runs for each attempt. */
export function stateSum(position: number, attempts: number, dueAtMs: number): number {
  let hash = Math.imul((position | 0) ^ 0x9e3779b9, 0x85ebca6b) ^ ((position / STATE_UNIT) | 0)
  hash = Math.imul(hash ^ (hash >>> 15) ^ attempts, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 13) ^ (dueAtMs | 0), 0x27d4eb2f)
  hash = Math.imul(hash ^ (hash >>> 16) ^ ((dueAtMs / STATE_UNIT) | 0), 0x165667b1)
  return ((hash ^ (hash >>> 15)) & 0x7fff) * STATE_UNIT
}

/** The lower 32 bits of a row's sum. */
export function contentOf(sum: number): number {
  return sum % STATE_UNIT
}

/** The upper bits of a row's sum, in their place. */
export function stateOf(sum: number): number {
  return sum - (sum % STATE_UNIT)
}

/** Checksum of a queue's own row: its number, its name, and its other columns in their order. */
export function totalsSum(id: number, name: string, values: readonly number[]): number {
  return crc32(bytesOf(id, ...values), queueSeed(name))
}

/** Checksum of the store's own row. */
export function storeSum(storeId: string, epoch: number, clockMs: number): number {
  return crc32(bytesOf(epoch, clockMs), crc32(storeId))
}

/** Checksum of an entry of the dedup window: without it one flipped bit makes an id that is new look like one that was seen. */
export function idSum(id: string, position: number, atMs: number): number {
  return crc32(bytesOf(position, atMs), crc32(id))
}

function bytesOf(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float64Array(values).buffer)
}
