// What waits for one receiver, bounded and accounted. Knows its link and the flusher, nothing of routing.
//
//   deliver ─▶ [ waiting ] ── flush, once per turn ─▶ [ in flight ] ── kernel ─▶ written
//              drop-able                               one write at a time
//
// Above high-water its publishers are slowed down (see backpressure.ts). When that was not enough it sheds: from then on, until it
// is below low-water again, what is too much is dropped as the policies of connection and channel say.

import type { BrokerError } from '../ground/errors.ts'
import type { Overflow } from '../ground/settings.ts'
import { noDrops, type DropReason } from '../ground/fate.ts'
import type { Slice } from '../ground/slice.ts'
import type { Link } from '../ground/types.ts'
import type { Flusher } from './flusher.ts'
import { HeldLoans } from './held-loans.ts'
import type { Loan } from './loan.ts'
import { Load } from './load.ts'
import type { OutboundOwner } from './outbound-owner.ts'
import { isDropping, judgeShedding, takeExcess, type Shedding } from './shedding.ts'
import { COPIED_PER_TURN_BYTES, type OutboundLimits } from './marks.ts'
import type { Retention } from './retention.ts'
import { WaitingSlices, type FrameStart } from './waiting-slices.ts'

const NOTHING: Slice[] = []

export class Outbound {
  /** Messages that the kernel took. */
  writtenMessages = 0
  writtenBytes = 0
  droppedMessages = 0
  /** Of `droppedMessages`, by reason; undefined while there are none. */
  dropped: Record<DropReason, number> | undefined
  /** Position, in the flight recorder, of the last run that the kernel took all of; -1: none. */
  writtenRun = -1
  /** Keeps what was written until the client confirms it; undefined: its session does not outlive the link. */
  retention: Retention | undefined
  /** Its link leads to other brokers: what the other end confirmed is forwarded. Never ended for being slow; its publishers wait. */
  isForwarding = false
  readonly load: Load
  readonly #flusher: Flusher
  readonly #owner: OutboundOwner
  #link: Link | undefined
  readonly #waiting = new WaitingSlices()
  #inFlight: Slice[] = NOTHING
  readonly #loans = new HeldLoans()
  /** It was written since the last turn ended: some of it may stand in chunks of this turn. */
  #isFreshFlight = false
  /** Something that waits may stand in a chunk of this turn. */
  #borrows = false
  #isDirty = false
  #wasHigh = false
  #isShedding = false
  #isDetached = false
  /** Why what is too much is dropped while the link is gone. */
  #detachedReason: DropReason = 'overflow'
  #isEnding = false
  /** Of the losses that were not told yet: older than all that waits, or newer. */
  #gap: 'none' | 'front' | 'back' = 'none'
  /** Why it ends, for links that can say so. */
  #reason: BrokerError | undefined

  constructor(link: Link, flusher: Flusher, owner: OutboundOwner) {
    this.#link = link
    this.#flusher = flusher
    this.#owner = owner
    this.load = new Load(flusher.limits)
  }

  /** What the kernel has not taken, oldest first; the first `flying` of it may have left. */
  get unwritten(): { readonly slices: readonly Slice[]; readonly flying: number } {
    return { slices: [...this.#inFlight, ...this.#waiting], flying: this.#inFlight.length }
  }

  /** Bytes that the kernel has not taken. */
  get pendingBytes(): number {
    return this.load.bytes
  }

  /** Messages among them. */
  get pendingMessages(): number {
    return this.load.messages
  }

  get isHigh(): boolean {
    return this.load.isHigh
  }

  /** It drops what is too much; nobody waits for it. */
  get isShedding(): boolean {
    return this.#isShedding
  }

  /** Appends a slice; it leaves at the end of this turn. false = whoever feeds it should pause. After the end it is dropped: see `end`. */
  deliver(slice: Slice): boolean {
    if ((this.#link === undefined && !this.#isDetached) || this.#isEnding) {
      this.#count(slice, this.#reason?.code === 'connection.slow_consumer' ? 'slow-consumer' : 'actor-gone')
      return true
    }
    if (this.#isShedding && this.#isFullFor(slice) && this.#policyOf(slice) === 'drop-newest' && slice.count > 0) {
      this.#count(slice, 'overflow')
      this.#lost(slice, 'overflow', 'back')
      return true
    }
    if (this.isForwarding && this.load.isAboveCeiling && slice.count > 0) {
      this.drop(slice, 'overflow')
      return false
    }
    if (this.#gap === 'back') this.#tellGap()
    this.#append(slice)
    if (slice.account.flow !== undefined && this.load.isChannelHigh(slice)) return this.#full(slice, this.load.isChannelAboveCeiling(slice))
    return this.load.isBelowLow || this.#aboveLow(slice)
  }

  /** Writes what waits, unless a write is in flight; false when something is still here. Called by the flusher. */
  flush(): boolean {
    this.#isDirty = false
    if (this.#waiting.nextExpiryMs < Infinity) this.expire()
    if (this.#gap === 'front' && this.#inFlight === NOTHING && this.#link !== undefined) this.#tellGap()
    if (this.#waiting.isEmpty) return this.#inFlight === NOTHING
    if (this.#link === undefined || this.#inFlight !== NOTHING) {
      this.#retain()
      if (this.#waiting.nextExpiryMs < Infinity) this.#owner.expiresAt(this.#waiting.nextExpiryMs)
      return false
    }
    const isAll = this.load.bytes <= this.load.maxWriteBytes
    const slices = isAll ? this.#waiting.takeAll() : this.#waiting.takeFront(this.load.maxWriteBytes)
    this.#loans.fly(this.#waiting.gone)
    if (!this.#link.write(this.#flusher.packer.pack(slices, this.#link.wrap))) {
      this.#inFlight = slices
      this.#isFreshFlight = true
      for (const { watch } of slices) watch?.leaving?.()
      this.#retain()
      return false
    }
    this.#settle(slices)
    this.#loans.land()
    return isAll || this.flush()
  }

  hold(loan: Loan): void {
    if (this.#inFlight !== NOTHING && this.#isFreshFlight) this.#loans.addFlight(loan)
    this.#isFreshFlight = false
    if (this.#borrows && !this.#waiting.isEmpty) this.#loans.addWaiting(loan, this.#waiting.pushed)
    this.#borrows = false
  }

  /** The write in flight has left the process. Called by the link's owner. */
  written(): void {
    const before = this.writtenRun
    const slices = this.#inFlight
    this.#inFlight = NOTHING
    this.#settle(slices)
    this.#loans.land()
    this.flush()
    if (this.writtenRun > before) this.#owner.late(before, this.writtenRun)
    if (this.#isEnding && this.#inFlight === NOTHING) this.#link?.close(this.#reason)
  }

  /** Something waits that its policy does not let drop. */
  get holdsUndroppable(): boolean {
    return [...this.#waiting].some((slice) => slice.count > 0 && !isDropping(this.#policyOf(slice)))
  }

  /** True when no pause of its publishers could bring it below low-water in `stallMs`, by what it took lately. */
  isHopeless(stallMs: number): boolean {
    return this.load.isHopeless(this.#flusher.nowMs(), this.writtenBytes, stallMs)
  }

  /** Its publishers have waited long enough: from now on the policies hold, until it is below low-water. */
  shed(): Shedding {
    const came = judgeShedding(this.#waiting, this.load, (slice) => this.#policyOf(slice))
    if (came !== 'shedding') return came
    this.#isShedding = true
    this.#evict()
    return came
  }

  /** Drops what has lived its time. */
  expire(): void {
    const nowMs = this.#flusher.nowMs()
    if (nowMs < this.#waiting.nextExpiryMs) return
    for (const slice of this.#waiting.takeExpired(nowMs)) {
      this.load.remove(slice)
      this.#discard(slice, 'expired')
      this.#lost(slice, 'expired', 'front', false)
    }
  }

  /** Writes what waits, then ends the link in order; what is delivered from now on is dropped, as `slow-consumer` where that is the reason, else as `actor-gone`. */
  end(reason?: BrokerError): void {
    if (this.#link === undefined || this.#isEnding) return
    this.flush()
    this.#isEnding = true
    this.#reason = reason
    if (this.#inFlight === NOTHING) this.#link.close(reason)
  }

  /** Drops what waits; what is in flight stays. */
  dropWaiting(reason: DropReason): void {
    for (const slice of this.#waiting.takeAll()) {
      this.load.remove(slice)
      this.#discard(slice, reason)
      // Others are gone, or about to be: then all that they did not get is known by how much they got.
      if (this.isForwarding) this.#owner.lost(slice, reason, false)
    }
    this.#loans.dropWaiting()
    this.#gap = 'none'
  }

  /** A slice is dropped instead of being delivered. */
  drop(slice: Slice, reason: DropReason): void {
    this.#count(slice, reason)
    this.#owner.lost(slice, reason, false)
  }

  /** What is in flight will not be confirmed any more. */
  loseFlight(reason: DropReason): void {
    const slices = this.#inFlight
    this.#inFlight = NOTHING
    for (const slice of slices) {
      this.load.remove(slice)
      this.#discard(slice, reason)
      this.#lost(slice, reason, 'front')
    }
    this.#loans.land()
  }

  /** Drops all that the kernel did not take; the link is gone or going. */
  close(reason: DropReason): void {
    if (this.#link === undefined && !this.#isDetached) return
    this.#link = undefined
    this.#isDetached = false
    for (const slice of [...this.#inFlight, ...this.#waiting.takeAll()]) this.#discard(slice, reason)
    this.#inFlight = NOTHING
    this.#loans.dropWaiting()
    this.#loans.land()
    this.load.clear()
    this.#gap = 'none'
  }

  /** The link is gone and the session stays: what comes waits, within `limits`, for `attach()`; what is too much is dropped for `reason`, the oldest first. */
  detach(limits: OutboundLimits, reason: DropReason = 'overflow'): void {
    this.#detachedReason = reason
    this.#link = undefined
    this.#isDetached = true
    this.#waiting.putBack(this.#inFlight)
    this.#inFlight = NOTHING
    this.#waiting.retainAll()
    this.#borrows = false
    this.#loans.dropWaiting()
    this.#loans.land()
    this.load.limits = limits
    this.#isShedding = true
    this.#wasHigh = true
    this.#evict()
  }

  /** The session goes on over another link: `first` leaves before what waited. */
  attach(link: Link, first: readonly Slice[], limits: OutboundLimits): void {
    this.#link = link
    this.#isDetached = false
    this.load.limits = limits
    this.#isShedding = false
    this.#wasHigh = this.isHigh
    if (this.#gap === 'front') this.#tellGap()
    for (const slice of first) this.#charge(slice)
    this.#waiting.putBack(first)
    this.#markDirty()
  }

  /** The first `frames` of what waits have reached the client: settles them. */
  confirm(frames: number, startOf: FrameStart): void {
    const { whole, split } = this.#waiting.takeFrames(frames, startOf)
    this.#settle(whole)
    if (split === undefined) return
    this.load.split(split.slice, split.head, split.rest)
    this.#settle([split.head])
  }

  // While it sheds, what waits may wait for long: all of it is copied, a part a turn, and the chunks go back.
  #retain(): void {
    if (!this.#isShedding) {
      if (this.#waiting.retain()) this.#borrows = true
      return
    }
    this.#borrows = this.#waiting.retainAll(COPIED_PER_TURN_BYTES)
    if (!this.#borrows) this.#loans.dropWaiting()
  }

  #append(slice: Slice): void {
    this.#waiting.push(slice)
    this.#charge(slice)
    this.#markDirty()
  }

  #markDirty(): void {
    if (this.#isDirty) return
    this.#isDirty = true
    this.#flusher.add(this)
  }

  #charge(slice: Slice): void {
    slice.account.pending += slice.count
    this.load.add(slice)
  }

  #aboveLow(slice: Slice): boolean {
    this.load.rose(this.#flusher.nowMs(), this.writtenBytes)
    return !this.isHigh || this.#full(slice, this.load.isAboveCeiling)
  }

  // At or above high-water, of the whole or of the slice's channel.
  #full(slice: Slice, isAboveCeiling: boolean): boolean {
    this.#wasHigh = true
    if (this.#isShedding) {
      this.#evict()
      // What is in flight stays above the limit for a while; what waits behind it is bounded by being dropped.
      if (!this.#isFullFor(slice) || isDropping(this.#policyOf(slice))) return true
    }
    if (isAboveCeiling && !this.isForwarding) this.#owner.overflowed()
    // Whoever feeds what may not be dropped waits even now.
    return this.#isShedding && this.#policyOf(slice) !== 'block'
  }

  #isFullFor(slice: Slice): boolean {
    return this.isHigh || this.load.isChannelHigh(slice)
  }

  #policyOf(slice: Slice): Overflow {
    if (this.#isDetached) return 'drop-oldest' // It has nobody to end, and nobody waits for it.
    return this.isForwarding ? 'block' : (slice.account.flow?.overflow ?? this.load.limits.overflow)
  }

  #evict(): void {
    const reason = this.#isDetached ? this.#detachedReason : 'overflow'
    for (const slice of takeExcess(this.#waiting, this.load, (slice) => this.#policyOf(slice))) {
      this.#discard(slice, reason)
      this.#lost(slice, reason, 'front')
    }
  }

  #lost(slice: Slice, reason: DropReason, side: 'front' | 'back', isContinued = this.#gap === side): void {
    if (this.#gap !== 'front') this.#gap = side
    this.#owner.lost(slice, reason, isContinued)
  }

  // In front of all that waits, or behind it: where the receiver misses something.
  #tellGap(): void {
    const side = this.#gap
    this.#gap = 'none'
    const notice = this.#owner.gapNotice()
    if (notice === undefined) return
    if (side === 'back') return this.#append(notice)
    this.#charge(notice)
    this.#waiting.putBack([notice])
  }

  #settle(slices: readonly Slice[]): void {
    let messages = 0
    let bytes = 0
    for (const slice of slices) {
      const { count, account, run, watch } = slice
      account.pending -= count
      if (this.isForwarding) account.forwarded += count
      else account.written += count
      messages += count
      bytes += slice.end - slice.start
      this.load.remove(slice)
      if (run >= 0) this.writtenRun = run
      if (watch !== undefined) watch.settled(this.#owner.number, this.isForwarding ? 'forwarded' : 'written', count)
    }
    this.writtenMessages += messages
    this.writtenBytes += bytes
    if (this.retention !== undefined) this.retention.add(slices)
    this.load.fell()
    if (this.#wasHigh) this.#lookForRelief()
    if (this.#gap === 'back' && this.#waiting.isEmpty) this.#tellGap()
  }

  #lookForRelief(): void {
    if (!this.load.isRelieved) return
    this.#wasHigh = false
    this.#isShedding = false
    this.#owner.relieved()
  }

  #discard(slice: Slice, reason: DropReason): void {
    slice.account.pending -= slice.count
    this.#count(slice, reason)
  }

  #count(slice: Slice, reason: DropReason): void {
    if (slice.count === 0) return
    slice.account.dropped[reason] += slice.count
    this.droppedMessages += slice.count
    const dropped = (this.dropped ??= noDrops())
    dropped[reason] += slice.count
    slice.watch?.settled(this.#owner.number, `dropped(${reason})`, slice.count)
  }
}
