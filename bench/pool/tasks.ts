// The kinds of work that the pool takes, each both ways: here, and by a thread.

import { createHmac, createSecretKey } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { CpuPool, Signed } from '../../broker/pool/cpu-pool.ts'
import perform, { share, type Task } from '../../broker/pool/work.ts'

export interface Work {
  /** Tasks that one call does. */
  readonly count: number
  here(): void
  /** As the broker does it, with the copy into shared memory. */
  pooled(pool: CpuPool): Promise<unknown>
}

export interface WorkKind {
  readonly name: string
  /** What the sizes from which it is worth it are called in the configuration; undefined: it follows from another. */
  readonly key: string | undefined
  work(bytes: number): Work
}

const BATCH = 64
/** What is larger than one read of a socket stands in shared memory when it is whole; smaller frames are copied there. */
const READ_BYTES = 64 * 1024
const SIGNATURE_BYTES = 32
const key = createSecretKey(Buffer.from('a token of 32 characters, or so.'))

export const workKinds: readonly WorkKind[] = [
  { name: 'HMAC-SHA256', key: 'pool.signatureAbove', work: (bytes) => verifying(bytes, 1) },
  { name: 'HMAC-SHA256, 64 at a time', key: undefined, work: (bytes) => verifying(bytes, BATCH) },
  { name: 'zstd', key: 'pool.compressAbove', work: compressing },
  { name: 'zstd, decompress', key: undefined, work: unpacking },
  { name: 'deflate', key: 'pool.deflateAbove', work: deflating },
]

function verifying(bytes: number, count: number): Work {
  const text = textOf(bytes)
  const frame = Buffer.concat([text, createHmac('sha256', key).update(text).digest()])
  const arrived = arriving(frame)
  const signed = (): Signed => ({ bytes: arrived(), ranges: [0, bytes], signatureAt: bytes, key })
  const mac = frame.subarray(bytes, bytes + SIGNATURE_BYTES)
  return {
    count,
    here() {
      for (let i = 0; i < count; i++) if (!createHmac('sha256', key).update(text).digest().equals(mac)) throw new Error('a signature did not match')
    },
    async pooled(pool) {
      const verdicts = await Promise.all(Array.from({ length: count }, () => pool.verify(signed())))
      if (verdicts.includes(false)) throw new Error('a signature did not match')
    },
  }
}

function packing(kind: Exclude<Task['kind'], 'verify' | 'decompress'>, text: Uint8Array, handOver: () => Uint8Array, pooled: (pool: CpuPool, bytes: Uint8Array) => Promise<unknown>): Work {
  return { count: 1, here: () => void perform({ kind, bytes: text }), pooled: (pool) => pooled(pool, handOver()) }
}

function compressing(bytes: number): Work {
  const text = textOf(bytes)
  return packing('compress', text, arriving(text), (pool, shared) => pool.compress(shared))
}

// What leaves stands anywhere, and is always copied.
function deflating(bytes: number): Work {
  const text = textOf(bytes)
  return packing('deflate', text, () => text, (pool, plain) => pool.deflate(plain))
}

/** Gives the bytes as a frame with them comes to the pool. */
function arriving(bytes: Uint8Array): () => Uint8Array<SharedArrayBuffer> {
  const shared = share(bytes)
  return () => (bytes.length >= READ_BYTES ? shared : share(bytes))
}

function unpacking(bytes: number): Work {
  const packed = zstdCompressSync(textOf(bytes))
  return { count: 1, here: () => void perform({ kind: 'decompress', bytes: packed, size: bytes }), pooled: (pool) => pool.decompress(share(packed), bytes) }
}

/** Like what agents say: JSON with names that repeat and numbers that do not. */
function textOf(bytes: number): Uint8Array {
  const lines: string[] = []
  for (let i = 0, length = 0; length < bytes; i++) {
    const line = JSON.stringify({ id: i, agent: `agent-${(i * 7919) % 1000}`, cpu: ((i * 2_654_435_761) % 1_000_003) / 1_000_003, state: i % 3 === 0 ? 'idle' : 'run', at: 1_700_000_000_000 + i * 977 })
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}
