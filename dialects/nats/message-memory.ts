// Memory for messages as they leave: small ones out of a slab, large ones in a buffer of their own, which can be given back
// when they have left. Left to the collector, 64 KiB a run keep it busy for a quarter of the time.

/** From here on a buffer of its own. bytes */
const LARGE_FROM_BYTES = 8 * 1024
/** A slab is never reused; it goes when the last write out of it is done. bytes */
const SLAB_BYTES = 512 * 1024

const NONE: Uint8Array[] = []

export class MessageMemory {
  /** What the last `reserve` made room in, and from where on. Content undefined. */
  buffer = new Uint8Array(0)
  at = 0
  #slab = new Uint8Array(0)
  #used = 0
  #large = NONE

  /** Makes room for `bytes` that nobody else has. Without a view of them, which costs as much as writing a small message. */
  reserve(bytes: number): void {
    if (bytes < LARGE_FROM_BYTES) {
      if (this.#used + bytes > this.#slab.length) {
        this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
        this.#used = 0
      }
      this.buffer = this.#slab
      this.at = this.#used
      this.#used += bytes
      return
    }
    this.buffer = Buffer.allocUnsafeSlow(bytes)
    this.at = 0
    if (this.#large === NONE) this.#large = [this.buffer]
    else this.#large.push(this.buffer)
  }

  /** The same as a buffer of exactly `bytes`. */
  take(bytes: number): Uint8Array {
    this.reserve(bytes)
    const { buffer, at } = this
    return new Uint8Array(buffer.buffer, buffer.byteOffset + at, bytes)
  }

  /** The large ones since the last call. */
  takeLarge(): readonly Uint8Array[] {
    const large = this.#large
    this.#large = NONE
    return large
  }
}
