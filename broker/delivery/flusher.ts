// Writes once per turn: outbounds that got something are flushed together when the event loop has read what it could.

import { isWhole, Loan } from './loan.ts'
import type { OutboundMarks } from './marks.ts'
import { Packer } from './packer.ts'

/** What waits for the end of the turn. */
export interface Flushable {
  /** Writes what waits; false while anything of it is still here afterwards. */
  flush(): boolean
  /** Holds a loan until everything that is here now is written or dropped. */
  hold(loan: Loan): void
}

export class Flusher {
  readonly marks: OutboundMarks
  readonly packer: Packer
  #dirty: Flushable[] = []
  #isScheduled = false
  #sinceMs = 0
  #lent: Uint8Array[] = []
  readonly #nowMs: () => number
  readonly #onFlushed: (micros: number) => void
  readonly #flush = (): void => this.flush()

  /** `onFlushed` gets the time from a turn's first append to its last write, in µs. */
  constructor(marks: OutboundMarks, mergeBelowBytes: number, nowMs: () => number, onFlushed: (micros: number) => void) {
    this.#nowMs = nowMs
    this.#onFlushed = onFlushed
    this.marks = marks
    this.packer = new Packer(mergeBelowBytes)
  }

  add(outbound: Flushable): void {
    this.#dirty.push(outbound)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#sinceMs = this.#nowMs()
    // Behind the poll phase, so that what several publishers sent in one turn leaves in one write.
    setImmediate(this.#flush)
  }

  /** A chunk that was read in this turn, and that nobody needs once what was delivered out of it is written. */
  lend(chunk: Uint8Array): void {
    if (this.#isScheduled && isWhole(chunk)) this.#lent.push(chunk)
  }

  /** Flushes now. */
  flush(): void {
    this.#isScheduled = false
    const dirty = this.#dirty
    this.#dirty = []
    const loan = new Loan(this.#lent)
    this.#lent = []
    for (const outbound of dirty) if (!outbound.flush()) outbound.hold(loan)
    this.packer.forget()
    loan.release()
    if (dirty.length > 0) this.#onFlushed((this.#nowMs() - this.#sinceMs) * 1000)
  }
}
