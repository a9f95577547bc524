// Writes once per turn: outbounds that got something are flushed together when the event loop has read what it could.

import type { OutboundMarks } from './marks.ts'
import { Packer } from './packer.ts'

/** What waits for the end of the turn. */
export interface Flushable {
  flush(): void
}

export class Flusher {
  readonly marks: OutboundMarks
  readonly packer: Packer
  #dirty: Flushable[] = []
  #isScheduled = false
  #sinceMs = 0
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

  /** Flushes now. */
  flush(): void {
    this.#isScheduled = false
    const dirty = this.#dirty
    this.#dirty = []
    for (const outbound of dirty) outbound.flush()
    this.packer.forget()
    if (dirty.length > 0) this.#onFlushed((this.#nowMs() - this.#sinceMs) * 1000)
  }
}
