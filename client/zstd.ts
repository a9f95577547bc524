// Node's zstd, which Node 20 does not have.

import zlib from 'node:zlib'
import type { Zstd } from './link.ts'

type Library = Partial<Pick<typeof zlib, 'zstdCompressSync' | 'zstdDecompressSync'>>

/** undefined where this Node has none: then payloads are sent and received plain. */
export function nodeZstd({ zstdCompressSync, zstdDecompressSync }: Library = zlib): Zstd | undefined {
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined
  return {
    compress: bytes => zstdCompressSync(bytes, { pledgedSrcSize: bytes.length }),
    decompress(bytes, size) {
      // In one piece of memory, and never more than was announced.
      const plain = zstdDecompressSync(bytes, { maxOutputLength: size, chunkSize: Math.max(64, size) })
      if (plain.length !== size) throw new RangeError(`${plain.length} bytes instead of ${size}`)
      return plain
    },
  }
}
