// How much may wait for one receiver before its publishers slow down, and what happens when that was not enough.

import type { Overflow } from '../ground/settings.ts'

/** Marks of one limit. Bytes count with what a waiting slice takes in memory. */
export interface Marks {
  /** At or above: `deliver` says false, publishers should pause. */
  readonly highBytes: number
  readonly highMessages: number
  /** Below both: publishers may go on. */
  readonly lowBytes: number
  readonly lowMessages: number
  /** At or above: publishers pause even when they are behind in reading themselves. */
  readonly hardBytes: number
  /** Above: the policy holds at once. */
  readonly ceilingBytes: number
  readonly ceilingMessages: number
}

/** What holds for one receiver. */
export interface OutboundLimits extends Marks {
  /** What happens when slowing its publishers down was not enough. */
  readonly overflow: Overflow
  /** Most bytes of one write; default MAX_WRITE_BYTES */
  readonly maxWriteBytes?: number
}

/**
 * Marks for a limit on what waits: high-water at 75 %, low-water at 50 %, and a reserve of 25 % for what was read before
 * the publishers paused. 0 messages, or bytes: no such limit.
 */
export function marksOf(maxBytes: number, maxMessages: number): Marks {
  const bytes = maxBytes === 0 ? Infinity : maxBytes
  const messages = maxMessages === 0 ? Infinity : maxMessages
  return {
    highBytes: bytes * 0.75,
    highMessages: messages === Infinity ? Infinity : Math.ceil(messages * 0.75),
    lowBytes: bytes * 0.5,
    lowMessages: messages === Infinity ? Infinity : Math.ceil(messages * 0.5),
    hardBytes: bytes,
    ceilingBytes: bytes * 1.25,
    ceilingMessages: messages * 1.25,
  }
}

/** The limits of a receiver. */
export function outboundLimits(maxBytes: number, maxMessages: number, overflow: Overflow): OutboundLimits {
  return { ...marksOf(maxBytes, maxMessages), overflow }
}

/** What a waiting slice is counted with beside its bytes: two objects, and their places in lists. */
export const WAITING_SLICE_BYTES = 256

/** Most bytes of one write: what is behind them stays where policies can act, and nothing so large is merged. */
export const MAX_WRITE_BYTES = 1024 * 1024

/** What of a receiver that sheds is copied in one turn: 0.3 ms. bytes */
export const COPIED_PER_TURN_BYTES = 256 * 1024
