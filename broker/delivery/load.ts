// How much waits for one receiver, and what that means by its limits. Counts; drops nothing.

import type { Slice } from '../ground/slice.ts'
import { MAX_WRITE_BYTES, WAITING_SLICE_BYTES, type OutboundLimits } from './marks.ts'
import { ChannelsPending } from './channels-pending.ts'

export class Load {
  limits: OutboundLimits
  /** Bytes that the kernel has not taken. */
  bytes = 0
  /** Messages among them. */
  messages = 0
  #slices = 0
  #channels: ChannelsPending | undefined
  /** When, and with how much written, it last rose above low-water. */
  #roseAtMs = -1
  #roseWrittenBytes = 0

  constructor(limits: OutboundLimits) {
    this.limits = limits
  }

  get isHigh(): boolean {
    return this.#heldBytes >= this.limits.highBytes || this.messages >= this.limits.highMessages
  }

  get isHard(): boolean {
    return this.#heldBytes >= this.limits.hardBytes
  }

  get isAboveCeiling(): boolean {
    return this.#heldBytes > this.limits.ceilingBytes || this.messages > this.limits.ceilingMessages
  }

  /** Most bytes of one write. */
  get maxWriteBytes(): number {
    return this.limits.maxWriteBytes ?? MAX_WRITE_BYTES
  }

  /** The whole of it; channels may be full nevertheless. */
  get isBelowLow(): boolean {
    return this.#heldBytes < this.limits.lowBytes && this.messages < this.limits.lowMessages
  }

  /** Nothing is above its low-water: neither the whole nor a channel. */
  get isRelieved(): boolean {
    return this.isBelowLow && this.#channels?.isLow !== false
  }

  /** Some channel is at or above its high-water. */
  get hasFullChannels(): boolean {
    return this.#channels?.hasHigh === true
  }

  // A million tiny frames take more memory than their bytes.
  get #heldBytes(): number {
    return this.bytes + this.#slices * WAITING_SLICE_BYTES
  }

  /** One more slice waits. */
  add(slice: Slice): void {
    this.messages += slice.count
    this.bytes += slice.end - slice.start
    this.#slices++
    if (slice.account.flow !== undefined && slice.count > 0) (this.#channels ??= new ChannelsPending()).add(slice)
  }

  /** It waits no longer. */
  remove(slice: Slice): void {
    this.messages -= slice.count
    this.bytes -= slice.end - slice.start
    this.#slices--
    this.#channels?.remove(slice)
  }

  /** It waits as two from now on. */
  split(slice: Slice, head: Slice, rest: Slice): void {
    this.remove(slice)
    this.add(head)
    this.add(rest)
  }

  clear(): void {
    this.bytes = this.messages = this.#slices = 0
    this.#channels?.clear()
  }

  isChannelHigh({ account }: Slice): boolean {
    return this.#channels?.isHigh(account) === true
  }

  isChannelAboveCeiling({ account }: Slice): boolean {
    return this.#channels?.isAboveCeiling(account) === true
  }

  /** It is above low-water, with so much written in all. */
  rose(nowMs: number, writtenBytes: number): void {
    if (this.#roseAtMs >= 0) return
    this.#roseAtMs = nowMs
    this.#roseWrittenBytes = writtenBytes
  }

  /** Something was written: forgets the rise where that brought it below low-water. */
  fell(): void {
    if (this.#roseAtMs >= 0 && this.isBelowLow) this.#roseAtMs = -1
  }

  /** True when no pause of its publishers could bring it below low-water in `stallMs`, by what it took lately. */
  isHopeless(nowMs: number, writtenBytes: number, stallMs: number): boolean {
    const elapsedMs = nowMs - this.#roseAtMs
    // Filled faster than it could have read anything: nothing is known of it.
    if (this.#roseAtMs < 0 || elapsedMs < stallMs || elapsedMs === 0) return false
    return ((writtenBytes - this.#roseWrittenBytes) / elapsedMs) * stallMs < this.limits.highBytes - this.limits.lowBytes
  }
}
