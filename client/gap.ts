// What the broker says of messages that it could not deliver to this client. Pure.

import { decode } from '@msgpack/msgpack'
import { matchesPattern } from '../broker/ground/subject.ts'

/** Messages of one sender and subject that were lost. */
export interface GapRange {
  /** Number of the sender's connection. */
  readonly origin: number
  /** Ids of the first and the last of them. */
  readonly from: number
  readonly to: number
  readonly subject: string
  readonly count: number
}

/** Messages for this client that were lost before the next one that came. */
export interface Gap {
  /** Why, as in `callboard ipc stats`: `overflow`, `expired`, `link-down` and so on. */
  readonly reason: string
  readonly count: number
  /** Which they were; at most 16. */
  readonly ranges: readonly GapRange[]
  /** There were more ranges than these. */
  readonly more: boolean
}

export function readGap(payload: Uint8Array): Gap {
  const { reason, count, ranges, more } = decode(payload) as Partial<Gap>
  return { reason: reason ?? '', count: count ?? 0, ranges: ranges ?? [], more: more === true }
}

/**
 * The part of a gap that concerns a subscription: the ranges that its pattern matches and their sum. With `more` it may
 * have lost others besides. undefined: nothing in it does.
 */
export function gapOf(gap: Gap, pattern: readonly string[]): Gap | undefined {
  const ranges = gap.ranges.filter(({ subject }) => matchesPattern(pattern, subject.split('.')))
  if (ranges.length === 0 && !gap.more) return undefined
  return { reason: gap.reason, count: ranges.reduce((sum, range) => sum + range.count, 0), ranges, more: gap.more }
}
