// One message in several forms: native, that of another protocol, compressed. Plain native messages never come here.

import type { Slice } from './ground/slice.ts'
import { withPayload } from './wire/recompress.ts'
import { asGrouped } from './wire/regroup.ts'

/** The slice as native frames. */
export function nativeSlice(slice: Slice): Slice {
  return slice.foreign === undefined ? slice : slice.foreign.native(slice)
}

/** The slice, which has a payload in zstd, for a receiver that reads it. Made for the first of them, shared by all. */
export function compressedSlice(slice: Slice): Slice {
  const zstd = slice.zstd!
  return (zstd.slice ??= slice.rewritten(withPayload(slice.bytes, slice.start, slice.end, zstd.payload, true)))
}

/** The message of a slice as a member of a queue group gets it; see asGrouped. */
export function groupedSlice(slice: Slice, subscription: number): Slice {
  const { bytes, start, end } = nativeSlice(slice)
  const grouped = slice.rewritten(asGrouped(bytes, start, end, subscription))
  if (slice.zstd !== undefined) grouped.zstd = { payload: slice.zstd.payload, slice: undefined }
  return grouped
}
