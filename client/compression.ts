// Payloads in zstd, for brokers that take it (docs/protocol.md section 6). Knows frames, not how bytes are compressed.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { zstdContentBytes } from '../broker/wire/zstd.ts'
import type { Zstd } from './link.ts'

/** Larger payloads are not believed. bytes */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024

/** The same message with its payload in zstd when that has at least `aboveBytes` and becomes smaller. */
export function compressed<F extends FrameInit>(frame: F, aboveBytes: number, zstd: Zstd): F {
  const { payload, flags = 0 } = frame
  if (frame.kind >= Kind.hello || payload === undefined || payload.length < aboveBytes || (flags & Flag.compressed) !== 0) return frame
  const packed = zstd.compress(payload)
  return packed.length < payload.length ? { ...frame, payload: packed, flags: flags | Flag.compressed } : frame
}

/** The message as its sender meant it. One whose payload cannot be decompressed stays as it is, flag and all: other messages are not at fault. */
export function decompressed(frame: Frame, zstd: Zstd): Frame {
  try {
    return { ...frame, payload: plainPayload(frame.payload, zstd), flags: frame.flags & ~Flag.compressed }
  } catch {
    return frame
  }
}

function plainPayload(payload: Uint8Array, zstd: Zstd): Uint8Array {
  const size = zstdContentBytes(payload)
  if (size > MAX_PAYLOAD_BYTES) throw new BrokerError('frame.too_large', { actualBytes: size, limitBytes: MAX_PAYLOAD_BYTES })
  return zstd.decompress(payload, size)
}
