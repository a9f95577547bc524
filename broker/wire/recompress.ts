// The same frame with its payload compressed, or plain again. Knows the layout, and no compression.

import { Flag } from '../ground/kind.ts'
import { payloadOffset } from './frame.ts'
import { writeUint32 } from './integers.ts'
import { LENGTH_BYTES, Offset } from './layout.ts'

/** A copy of the canonical frame `bytes[start..end)` with another payload, and the flag `compressed` as `isCompressed` says. */
export function withPayload(bytes: Uint8Array, start: number, end: number, payload: Uint8Array, isCompressed: boolean): Uint8Array<ArrayBuffer> {
  const headBytes = payloadOffset(bytes, start, end)
  const copy = new Uint8Array(headBytes + payload.length)
  copy.set(bytes.subarray(start, start + headBytes))
  copy.set(payload, headBytes)
  writeUint32(copy, 0, copy.length - LENGTH_BYTES)
  writeUint32(copy, headBytes - 4, payload.length)
  const low = Offset.flags + 1
  copy[low] = isCompressed ? copy[low]! | Flag.compressed : copy[low]! & ~Flag.compressed
  return copy
}
