// Copies of slices that must outlast their chunk. Small ones stand together in slabs: a buffer for each message would make
// the collector run over thousands of them a second.

import type { Slice } from '../ground/slice.ts'

/** One copy that stays keeps this much alive. bytes */
const SLAB_BYTES = 16 * 1024
/** From here on a copy stands alone. bytes */
const ALONE_FROM_BYTES = SLAB_BYTES / 2

let slab: Uint8Array = new Uint8Array(0)
let used = 0

/** The slice in memory that nobody gives back; the same for all who ask. */
export function ownCopy(slice: Slice): Slice {
  if (slice.copy !== undefined) return slice.copy
  const size = slice.end - slice.start
  const copy = size >= ALONE_FROM_BYTES ? alone(slice) : together(slice, size)
  // It is its own copy, so that it is not copied again.
  copy.copy = slice.copy = copy
  return copy
}

// `slice` of a Buffer would be a view.
function alone(slice: Slice): Slice {
  return slice.rewritten(new Uint8Array(slice.bytes.subarray(slice.start, slice.end)))
}

function together(slice: Slice, size: number): Slice {
  if (used + size > slab.length) {
    slab = new Uint8Array(SLAB_BYTES)
    used = 0
  }
  const at = used
  used += size
  slab.set(new Uint8Array(slice.bytes.buffer, slice.bytes.byteOffset + slice.start, size), at)
  return slice.rewritten(slab, at, used)
}
