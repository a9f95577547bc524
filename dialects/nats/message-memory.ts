// Memory for messages as they leave: small ones out of a slab, large ones in a buffer of their own, which can be given back
// when they have left. Left to the collector, 64 KiB a run keep it busy for a quarter of the time.

import { Slab } from '../../broker/ground/slab.ts'

/** From here on a buffer of its own. bytes */
const LARGE_FROM_BYTES = 8 * 1024

const NONE: Uint8Array[] = []

export class MessageMemory {
  readonly #slab = new Slab()
  #large = NONE

  /** A buffer of exactly `bytes` that nobody else has. Its content is undefined. */
  take(bytes: number): Uint8Array {
    if (bytes < LARGE_FROM_BYTES) return this.#slab.take(bytes)
    const buffer = Buffer.allocUnsafeSlow(bytes)
    if (this.#large === NONE) this.#large = [buffer]
    else this.#large.push(buffer)
    return buffer
  }

  /** The large ones since the last call. */
  takeLarge(): readonly Uint8Array[] {
    const large = this.#large
    this.#large = NONE
    return large
  }
}
