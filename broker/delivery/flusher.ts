// Writes once per turn: outbounds that got something are flushed together when the event loop has read what it could.

import { isMostOfItsMemory, Loan } from './loan.ts'
import type { OutboundLimits } from './marks.ts'
import { Packer } from './packer.ts'

/** What waits for the end of the turn. */
export interface Flushable {
  /** Writes what waits; false while anything of it is still here afterwards. */
  flush(): boolean
  /** Holds a loan until everything that is here now is written or dropped. */
  hold(loan: Loan): void
}

/** Told when a turn's writes are made: when its first slice was appended, when they began and when they ended. ms, monotonic */
export type FlushObserver = (sinceMs: number, beganMs: number, endedMs: number) => void

export class Flusher {
  /** What holds for receivers that have no limits of their own. */
  readonly limits: OutboundLimits
  readonly packer: Packer
  #dirty: Flushable[] = []
  #isScheduled = false
  #sinceMs = 0
  #lent: Uint8Array[] = []
  /** The monotonic clock. */
  readonly nowMs: () => number
  readonly #onFlushed: FlushObserver
  readonly #flush = (): void => this.flush()

  constructor(limits: OutboundLimits, mergeBelowBytes: number, nowMs: () => number, onFlushed: FlushObserver) {
    this.nowMs = nowMs
    this.#onFlushed = onFlushed
    this.limits = limits
    this.packer = new Packer(mergeBelowBytes)
  }

  add(outbound: Flushable): void {
    this.#dirty.push(outbound)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#sinceMs = this.nowMs()
    // Behind the poll phase, so that what several publishers sent in one turn leaves in one write.
    setImmediate(this.#flush)
  }

  /** A chunk that was read in this turn, and that nobody needs once what was delivered out of it is written. */
  lend(chunk: Uint8Array): void {
    if (this.#isScheduled && isMostOfItsMemory(chunk)) this.#lent.push(chunk)
  }

  /** Flushes now. */
  flush(): void {
    this.#isScheduled = false
    const beganMs = this.nowMs()
    const dirty = this.#dirty
    this.#dirty = []
    const loan = new Loan(this.#lent)
    this.#lent = []
    for (const outbound of dirty) if (!outbound.flush()) outbound.hold(loan)
    this.packer.forget()
    loan.release()
    if (dirty.length > 0) this.#onFlushed(this.#sinceMs, beganMs, this.nowMs())
  }
}
