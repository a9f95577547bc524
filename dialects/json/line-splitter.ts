// Cuts a byte stream into lines. Knows no JSON.

import { BrokerError } from '../../broker/ground/errors.ts'

const LINE_FEED = 0x0a
const NOTHING = new Uint8Array(0)

export class LineSplitter {
  /** Longest line without its end. bytes */
  maxLineBytes: number
  #kept: Uint8Array = NOTHING
  #keptBytes = 0

  constructor(maxLineBytes: number) {
    this.maxLineBytes = maxLineBytes
  }

  /**
   * Hands over every line that `chunk` completes, without its end; empty lines are left out.
   * @throws BrokerError `frame.too_large`; drop the splitter then
   */
  push(chunk: Uint8Array, line: (bytes: Uint8Array) => void): void {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#check(this.#keptBytes + end - start)
      const whole = this.#keptBytes === 0 ? chunk.subarray(start, end) : this.#take(chunk.subarray(start, end))
      start = end + 1
      if (whole.length > 0) line(whole)
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  #take(rest: Uint8Array): Uint8Array {
    this.#keep(rest)
    const whole = this.#kept.subarray(0, this.#keptBytes)
    this.#kept = NOTHING
    this.#keptBytes = 0
    return whole
  }

  // Grows by doubling, so that a line that comes byte by byte is not copied for each.
  #keep(bytes: Uint8Array): void {
    const needed = this.#keptBytes + bytes.length
    this.#check(needed)
    if (this.#kept.length < needed) {
      const grown = new Uint8Array(Math.max(256, needed * 2))
      grown.set(this.#kept.subarray(0, this.#keptBytes))
      this.#kept = grown
    }
    this.#kept.set(bytes, this.#keptBytes)
    this.#keptBytes = needed
  }

  #check(bytes: number): void {
    if (bytes > this.maxLineBytes) throw new BrokerError('frame.too_large', { actualBytes: bytes, limitBytes: this.maxLineBytes })
  }
}
