// Copies between buffers on the path of every message.

/** Below it a loop is cheaper than a view and a call. bytes */
const LOOP_BELOW_BYTES = 32

/** Writes `from[start..end)` at `at`. */
export function copyInto(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start < LOOP_BELOW_BYTES) for (let i = start; i < end; i++) to[at + i - start] = from[i]!
  // A new view with `set` costs less than Buffer's copy.
  else to.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at)
}
