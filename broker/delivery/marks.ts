// How much may wait for one receiver before its publishers slow down, and before it is given up.

/** Marks shared by all outbounds. bytes */
export interface OutboundMarks {
  /** At or above: `deliver` says false, publishers should pause. */
  readonly highBytes: number
  /** Below: publishers may go on. */
  readonly lowBytes: number
  /** At or above: publishers pause even when they are behind in reading themselves. */
  readonly hardBytes: number
  /** Above: the receiver is dropped at once. */
  readonly ceilingBytes: number
}

/**
 * Marks for a limit on waiting bytes: high-water at 75 %, low-water at 50 %, and a reserve of 25 % for what was read
 * before the publishers paused.
 */
export function outboundMarks(maxPendingBytes: number): OutboundMarks {
  return { highBytes: maxPendingBytes * 0.75, lowBytes: maxPendingBytes * 0.5, hardBytes: maxPendingBytes, ceilingBytes: maxPendingBytes * 1.25 }
}

/** What a waiting slice is counted with beside its bytes: two objects, and their places in lists. */
export const WAITING_SLICE_BYTES = 256
