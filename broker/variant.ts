// One message in two forms: plain for everybody, compressed for those who read it. Plain messages never come here.

import type { Slice } from './ground/slice.ts'
import { withPayload } from './wire/recompress.ts'
import { asGrouped } from './wire/regroup.ts'

/** The slice, which has a payload in zstd, for a receiver that reads it. Made for the first of them, shared by all. */
export function compressedSlice(slice: Slice): Slice {
  const zstd = slice.zstd!
  return (zstd.slice ??= slice.rewritten(withPayload(slice.bytes, slice.start, slice.end, zstd.payload, true)))
}

/** The message of a slice as a member of a queue group gets it; see asGrouped. */
export function groupedSlice(slice: Slice, subscription: number): Slice {
  const grouped = slice.rewritten(asGrouped(slice.bytes, slice.start, slice.end, subscription))
  if (slice.zstd !== undefined) grouped.zstd = { payload: slice.zstd.payload, slice: undefined }
  return grouped
}
