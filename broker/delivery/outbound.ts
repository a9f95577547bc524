// What waits for one receiver, bounded and accounted. Knows its link and the flusher, nothing of routing.
//
//   deliver ─▶ [ waiting ] ── flush, once per turn ─▶ [ in flight ] ── kernel ─▶ written
//              drop-able                               one write at a time

import type { BrokerError } from '../ground/errors.ts'
import { Slice, type DropReason } from '../ground/slice.ts'
import type { Link } from '../ground/types.ts'
import type { Flusher } from './flusher.ts'
import type { Loan } from './loan.ts'
import { WAITING_SLICE_BYTES } from './marks.ts'

/** What an outbound tells its owner; edges only, never per message. */
export interface OutboundOwner {
  /** Fell below low-water after it had been above high-water. */
  relieved(): void
  /** Above the ceiling. */
  overflowed(): void
}

const NOTHING: Slice[] = []
const NO_LOANS: Loan[] = []

export class Outbound {
  /** Bytes that the kernel has not taken. */
  pendingBytes = 0
  /** Messages among them. */
  pendingMessages = 0
  /** Messages that the kernel took. */
  writtenMessages = 0
  writtenBytes = 0
  droppedMessages = 0
  readonly #flusher: Flusher
  readonly #owner: OutboundOwner
  #link: Link | undefined
  #waiting: Slice[] = NOTHING
  #inFlight: Slice[] = NOTHING
  /** Of chunks that #waiting and #inFlight have slices of. */
  #waitingLoans: Loan[] = NO_LOANS
  #flightLoans: Loan[] = NO_LOANS
  /** Slices of #waiting before this were copied out of their chunks already. */
  #retained = 0
  #pendingSlices = 0
  #isDirty = false
  #wasHigh = false
  #isEnding = false
  /** Why it ends, for links that can say so. */
  #reason: BrokerError | undefined

  constructor(link: Link, flusher: Flusher, owner: OutboundOwner) {
    this.#link = link
    this.#flusher = flusher
    this.#owner = owner
  }

  get isHigh(): boolean {
    return this.#heldBytes >= this.#flusher.marks.highBytes
  }

  get isHard(): boolean {
    return this.#heldBytes >= this.#flusher.marks.hardBytes
  }

  // What the marks are about: a million tiny frames take more memory than their bytes.
  get #heldBytes(): number {
    return this.pendingBytes + this.#pendingSlices * WAITING_SLICE_BYTES
  }

  /** Appends a slice; it leaves at the end of this turn. false = at or above high-water. After the end it is dropped as `actor-gone`. */
  deliver(slice: Slice): boolean {
    if (this.#link === undefined || this.#isEnding) {
      this.#drop(slice, 'actor-gone')
      return true
    }
    if (this.#waiting === NOTHING) this.#waiting = [slice]
    else this.#waiting.push(slice)
    slice.account.pending += slice.count
    this.pendingMessages += slice.count
    this.pendingBytes += slice.end - slice.start
    this.#pendingSlices++
    if (!this.#isDirty) {
      this.#isDirty = true
      this.#flusher.add(this)
    }
    const { marks } = this.#flusher
    const heldBytes = this.#heldBytes
    if (heldBytes < marks.highBytes) return true
    this.#wasHigh = true
    if (heldBytes > marks.ceilingBytes) this.#owner.overflowed()
    return false
  }

  /** Writes what waits, unless a write is in flight; false when something is still here. Called by the flusher. */
  flush(): boolean {
    this.#isDirty = false
    if (this.#link === undefined || this.#waiting === NOTHING) return this.#inFlight === NOTHING
    if (this.#inFlight !== NOTHING) {
      this.#retain()
      return false
    }
    const slices = this.#waiting
    this.#waiting = NOTHING
    this.#retained = 0
    const loans = this.#waitingLoans
    this.#waitingLoans = NO_LOANS
    if (this.#link.write(this.#flusher.packer.pack(slices, this.#link.wrap))) {
      this.#settle(slices)
      release(loans)
      return true
    }
    this.#inFlight = slices
    this.#flightLoans = loans
    return false
  }

  hold(loan: Loan): void {
    loan.hold()
    if (this.#waiting !== NOTHING) this.#waitingLoans = [...this.#waitingLoans, loan]
    else this.#flightLoans = [...this.#flightLoans, loan]
  }

  /** The write in flight has left the process. Called by the link's owner. */
  written(): void {
    const slices = this.#inFlight
    const loans = this.#flightLoans
    this.#inFlight = NOTHING
    this.#flightLoans = NO_LOANS
    this.#settle(slices)
    release(loans)
    if (this.#waiting !== NOTHING) this.flush()
    if (this.#isEnding && this.#inFlight === NOTHING) this.#link?.close(this.#reason)
  }

  /** Writes what waits, then ends the link in order; what is delivered from now on is dropped as `actor-gone`. */
  end(reason?: BrokerError): void {
    if (this.#link === undefined || this.#isEnding) return
    this.flush()
    this.#isEnding = true
    this.#reason = reason
    if (this.#inFlight === NOTHING) this.#link.close(reason)
  }

  /** Drops what waits; what is in flight stays. */
  dropWaiting(reason: DropReason): void {
    const slices = this.#waiting
    this.#waiting = NOTHING
    this.#retained = 0
    release(this.#waitingLoans)
    this.#waitingLoans = NO_LOANS
    this.#pendingSlices -= slices.length
    for (const slice of slices) {
      this.pendingBytes -= slice.end - slice.start
      this.pendingMessages -= slice.count
      this.#discard(slice, reason)
    }
  }

  /** Drops all that the kernel did not take; the link is gone or going. */
  close(reason: DropReason): void {
    if (this.#link === undefined) return
    this.#link = undefined
    for (const slice of this.#inFlight) this.#discard(slice, reason)
    for (const slice of this.#waiting) this.#discard(slice, reason)
    this.#inFlight = this.#waiting = NOTHING
    release(this.#waitingLoans)
    release(this.#flightLoans)
    this.#waitingLoans = this.#flightLoans = NO_LOANS
    this.pendingBytes = 0
    this.pendingMessages = 0
    this.#pendingSlices = 0
  }

  // A receiver that did not take its bytes in their turn must not keep whole chunks alive.
  #retain(): void {
    const slices = this.#waiting
    for (let i = this.#retained; i < slices.length; i++) {
      const slice = slices[i]!
      const size = slice.end - slice.start
      // What is kept is the memory below the view; and a copy, which `slice` of a Buffer is not.
      if (size * 4 < slice.bytes.buffer.byteLength) slices[i] = slice.copy ??= new Slice(new Uint8Array(slice.bytes.subarray(slice.start, slice.end)), 0, size, slice.count, slice.account)
    }
    this.#retained = slices.length
  }

  #settle(slices: readonly Slice[]): void {
    let messages = 0
    let bytes = 0
    for (const slice of slices) {
      const { count, account } = slice
      account.pending -= count
      account.written += count
      messages += count
      bytes += slice.end - slice.start
    }
    this.pendingMessages -= messages
    this.pendingBytes -= bytes
    this.#pendingSlices -= slices.length
    this.writtenMessages += messages
    this.writtenBytes += bytes
    if (this.#wasHigh && this.#heldBytes < this.#flusher.marks.lowBytes) {
      this.#wasHigh = false
      this.#owner.relieved()
    }
  }

  #discard(slice: Slice, reason: DropReason): void {
    slice.account.pending -= slice.count
    this.#drop(slice, reason)
  }

  #drop(slice: Slice, reason: DropReason): void {
    slice.account.dropped[reason] += slice.count
    this.droppedMessages += slice.count
  }
}

function release(loans: readonly Loan[]): void {
  for (const loan of loans) loan.release()
}
