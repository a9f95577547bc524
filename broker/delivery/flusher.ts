// Writes once per turn: outbounds that got something are flushed together when the event loop has read what it could.

import type { Outbound, OutboundMarks } from './outbound.ts'
import { Packer } from './packer.ts'

export class Flusher {
  readonly marks: OutboundMarks
  readonly packer: Packer
  #dirty: Outbound[] = []
  #isScheduled = false
  readonly #flush = (): void => this.flush()

  constructor(marks: OutboundMarks, mergeBelowBytes: number) {
    this.marks = marks
    this.packer = new Packer(mergeBelowBytes)
  }

  add(outbound: Outbound): void {
    this.#dirty.push(outbound)
    if (this.#isScheduled) return
    this.#isScheduled = true
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
  }
}
