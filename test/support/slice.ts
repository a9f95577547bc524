// Slices of a size, for tests that care for little else.

import { Account, Slice } from '../../broker/ground/slice.ts'

/** `count` messages of `bytes` bytes in memory of their own, filled with `fill`. */
export function sliceOf(bytes: number, { account = new Account(), count = 1, fill = 1 }: { account?: Account; count?: number; fill?: number } = {}): Slice {
  return new Slice(new Uint8Array(bytes).fill(fill), 0, bytes, count, account)
}
