// What waits for one receiver of those channels that limit it.

import type { Account, Slice } from '../ground/slice.ts'
import { marksOf, WAITING_SLICE_BYTES, type Marks } from './marks.ts'

/** Memory that a waiting slice stands for. bytes */
function heldBytesOf(slice: Slice): number {
  return slice.end - slice.start + WAITING_SLICE_BYTES
}

/** One channel's share. */
class ChannelPending {
  readonly marks: Marks
  bytes = 0
  messages = 0

  constructor(marks: Marks) {
    this.marks = marks
  }

  get isHigh(): boolean {
    return this.bytes >= this.marks.highBytes || this.messages >= this.marks.highMessages
  }

  get isAboveCeiling(): boolean {
    return this.bytes > this.marks.ceilingBytes || this.messages > this.marks.ceilingMessages
  }

  get isLow(): boolean {
    return this.bytes < this.marks.lowBytes && this.messages < this.marks.lowMessages
  }
}

export class ChannelsPending {
  readonly #byAccount = new Map<Account, ChannelPending>()

  /** A slice of a channel with limits waits from now on. */
  add(slice: Slice): void {
    const { account } = slice
    let pending = this.#byAccount.get(account)
    if (pending === undefined) {
      const { maxPendingBytes = 0, maxPendingMessages = 0 } = account.flow!
      this.#byAccount.set(account, (pending = new ChannelPending(marksOf(maxPendingBytes, maxPendingMessages))))
    }
    pending.bytes += heldBytesOf(slice)
    pending.messages += slice.count
  }

  /** It waits no longer. */
  remove(slice: Slice): void {
    const pending = this.#byAccount.get(slice.account)
    if (pending === undefined) return
    pending.bytes -= heldBytesOf(slice)
    pending.messages -= slice.count
    if (pending.messages === 0) this.#byAccount.delete(slice.account)
  }

  isHigh(account: Account): boolean {
    return this.#byAccount.get(account)?.isHigh === true
  }

  isAboveCeiling(account: Account): boolean {
    return this.#byAccount.get(account)?.isAboveCeiling === true
  }

  /** True when one of them is at or above its high-water. */
  get hasHigh(): boolean {
    for (const pending of this.#byAccount.values()) if (pending.isHigh) return true
    return false
  }

  /** True when none of them is at or above its low-water. */
  get isLow(): boolean {
    for (const pending of this.#byAccount.values()) if (!pending.isLow) return false
    return true
  }

  clear(): void {
    this.#byAccount.clear()
  }
}
