// Memory for merged writes: buffers carved out of a large slab, because allocating one per flush halves the rate of
// small messages. A slab is never reused; it goes when the last write out of it is done.

const SLAB_BYTES = 512 * 1024

export class Slab {
  #slab = new Uint8Array(0)
  #used = 0

  /** A buffer of exactly `bytes` that nobody else has. Its content is undefined. */
  take(bytes: number): Uint8Array {
    if (bytes > SLAB_BYTES / 4) return Buffer.allocUnsafeSlow(bytes)
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    const at = this.#used
    this.#used = at + bytes
    return new Uint8Array(this.#slab.buffer, at, bytes)
  }
}
