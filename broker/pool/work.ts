// What the pool's threads do, as plain functions of bytes. Loaded by each worker, and by the main thread for what is not
// worth the way there or has lost its worker.

import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { constants, deflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** What a signature covers, in memory that the threads share. */
export interface SignedBytes {
  readonly memory: SharedArrayBuffer
  /** Start and end of each covered piece, in the order in which they are signed. */
  readonly ranges: readonly number[]
  /** Where the 32 bytes of the signature begin. */
  readonly signatureAt: number
  /** Number of the key, as `keys` gives it out. */
  readonly key: number
}

/** Keys cross to a worker once: after that its number stands for it. */
export type NumberedKey = readonly [number: number, key: KeyObject]

export type Task =
  | { readonly kind: 'verify'; readonly signed: readonly SignedBytes[]; readonly keys: readonly NumberedKey[] }
  | { readonly kind: 'compress' | 'deflate'; readonly bytes: Uint8Array }
  /** `size`: what it must come to. bytes, at least 1 */
  | { readonly kind: 'decompress'; readonly bytes: Uint8Array; readonly size: number }

/** What a task came to. */
export interface Done {
  /** In shared memory. verify: one `Verdict` for each signature. */
  readonly bytes: Uint8Array
  /** Instead of bytes: what is wrong with the input. */
  readonly problem: string | undefined
  /** Time that the work itself took. */
  readonly micros: number
}

export const Verdict = { invalid: 0, valid: 1, unknownKey: 2 } as const

/** Keys that one thread remembers; of more the oldest is asked for again. */
const MAX_KEYS = 1024
/** RFC 7692 7.2.1: the end of a sync flush is taken off. */
const FLUSH_TAIL_BYTES = 4
const NOTHING = new Uint8Array(0)

const keys = new Map<number, KeyObject>()

/** Does one task. Never throws: what is wrong with the input is part of the outcome. */
export default function perform(task: Task): Done {
  const startedMs = performance.now()
  const micros = (): number => (performance.now() - startedMs) * 1000
  try {
    const bytes = outputOf(task)
    return { bytes, problem: undefined, micros: micros() }
  } catch (error) {
    return { bytes: NOTHING, problem: error instanceof Error ? error.message : String(error), micros: micros() }
  }
}

/** Memory that all threads see, with a copy of `bytes[start..end)`. */
export function share(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(end - start))
  copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  return copy
}

function outputOf(task: Task): Uint8Array {
  switch (task.kind) {
    case 'verify':
      return verify(task.signed, task.keys)
    case 'compress':
      return share(zstdCompressSync(task.bytes, { pledgedSrcSize: task.bytes.length }))
    case 'decompress':
      return decompress(task.bytes, task.size)
    case 'deflate':
      return deflate(task.bytes)
  }
}

function verify(signed: readonly SignedBytes[], newKeys: readonly NumberedKey[]): Uint8Array {
  for (const [number, key] of newKeys) remember(number, key)
  const verdicts = new Uint8Array(signed.length)
  for (const [i, item] of signed.entries()) {
    const key = keys.get(item.key)
    verdicts[i] = key === undefined ? Verdict.unknownKey : isSigned(item, key) ? Verdict.valid : Verdict.invalid
  }
  return verdicts
}

function isSigned({ memory, ranges, signatureAt }: SignedBytes, key: KeyObject): boolean {
  const mac = createHmac('sha256', key)
  for (let i = 0; i < ranges.length; i += 2) mac.update(new Uint8Array(memory, ranges[i], ranges[i + 1]! - ranges[i]!))
  return timingSafeEqual(mac.digest(), new Uint8Array(memory, signatureAt, 32))
}

function remember(number: number, key: KeyObject): void {
  keys.set(number, key)
  if (keys.size > MAX_KEYS) keys.delete(keys.keys().next().value!)
}

// The output is never larger than what was announced, whatever the input holds.
function decompress(bytes: Uint8Array, size: number): Uint8Array {
  const output = zstdDecompressSync(bytes, { maxOutputLength: size, chunkSize: Math.max(64, size) })
  if (output.length !== size) throw new Error(`it holds ${output.length} bytes and announces ${size}`)
  return share(output)
}

function deflate(bytes: Uint8Array): Uint8Array {
  const output = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  return share(output, 0, output.length - FLUSH_TAIL_BYTES)
}
