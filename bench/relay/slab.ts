// Gives out short-lived bytes for merged writes from one larger block. Knows nothing of sockets.

/**
 * Bytes that are written in this turn and then forgotten.
 *
 *   [ turn 1 | turn 2 | turn 3 |    free    ]   next() carves, rewind() starts over while nobody reads what was carved
 *
 * A fresh 64 KiB buffer per flush halves small writes: allocating and first-touching it costs more than the write.
 */
export class Slab {
  readonly #blockBytes: number
  #block: Uint8Array
  #used = 0
  #isLent = false

  /** `blockBytes`: what is reserved at a time, 64 KiB and more. */
  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
    this.#block = Buffer.allocUnsafeSlow(blockBytes)
  }

  /** `bytes` bytes that nobody else holds; larger than a block means a block of their own. */
  next(bytes: number): Uint8Array {
    if (bytes > this.#blockBytes) return Buffer.allocUnsafeSlow(bytes)
    if (this.#used + bytes > this.#blockBytes) this.#renew()
    const from = this.#used
    this.#used = from + bytes
    return this.#block.subarray(from, this.#used)
  }

  /** `isFree`: the kernel has taken all that was given out in this turn, so the same (cached) memory may serve again. */
  rewind(isFree: boolean): void {
    // Once somebody reads on, the block is carved to its end and left to the collector.
    if (!isFree && this.#used > 0) this.#isLent = true
    if (!this.#isLent) this.#used = 0
  }

  #renew(): void {
    this.#block = Buffer.allocUnsafeSlow(this.#blockBytes)
    this.#used = 0
    this.#isLent = false
  }
}
