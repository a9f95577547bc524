// What an outbound tells the connection that it belongs to.

import type { DropReason } from '../ground/fate.ts'
import type { Slice } from '../ground/slice.ts'

/** What an outbound tells its owner; edges and losses only, never per message that goes well. */
export interface OutboundOwner {
  /** Of the connection. */
  readonly number: number
  /** Fell below low-water after it had been above high-water. */
  relieved(): void
  /** Above the ceiling, or its policy is to end it. */
  overflowed(): void
  /**
   * A slice that waited here, or should have, was dropped while the receiver stays. `isContinued`: so was everything
   * between it and the one before.
   */
  lost(slice: Slice, reason: DropReason, isContinued: boolean): void
  /** Tells the receiver what was lost since the last notice; undefined: nothing, or it cannot be told. */
  gapNotice(): Slice | undefined
  /** The kernel took the runs after `after`, up to `to`, later than in the turn in which they came. */
  late(after: number, to: number): void
  /** Something that cannot be written now has a time to live: call `expire()` at that moment. */
  expiresAt(monotonicMs: number): void
}
