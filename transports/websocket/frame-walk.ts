// Follows native frames through unmasked payload, to know whether a message ends where a frame does: then the next message
// can stand directly behind it, and both are one stretch to whoever reads them. Knows their length prefix and nothing else.

const LENGTH_BYTES = 4

export class FrameWalk {
  /** Bytes to the end of the frame that was begun. */
  #left = 0
  /** Bytes of a length prefix that was cut, and what they say so far. */
  #prefixBytes = 0
  #prefix = 0

  /** True when a frame ended with the last byte, or none was begun. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#prefixBytes === 0
  }

  /** Begins anew. */
  reset(): void {
    this.#left = this.#prefixBytes = this.#prefix = 0
  }

  /** Walks over `view` from `start` to `end`. */
  pass(view: DataView, start: number, end: number): void {
    let at = start + this.#left
    while (at < end) {
      if (this.#prefixBytes === 0 && at + LENGTH_BYTES <= end) {
        at += LENGTH_BYTES + view.getUint32(at)
        continue
      }
      this.#prefix = this.#prefix * 256 + view.getUint8(at++)
      if (++this.#prefixBytes < LENGTH_BYTES) continue
      at += this.#prefix
      this.#prefixBytes = this.#prefix = 0
    }
    this.#left = at - end
  }
}
