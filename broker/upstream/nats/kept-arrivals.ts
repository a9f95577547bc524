// Messages of other brokers that wait, in order and within a bound; what there is no room for is counted. Knows nobody who takes them.

import type { MovedArrival } from '../../ground/handover.ts'

/** What a message takes beside its texts and bytes. bytes */
const OVERHEAD_BYTES = 256
/** Of what is taken in one piece. bytes, and messages */
const PIECE_BYTES = 256 * 1024
const PIECE = 256

export class KeptArrivals {
  readonly #maxBytes: number
  #arrivals: MovedArrival[] = []
  #bytes = 0
  #lost = 0

  /** `maxBytes`: most that is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#arrivals.length
  }

  /** How many there was no room for. */
  get lost(): number {
    return this.#lost
  }

  add(arrival: MovedArrival): void {
    const bytes = sizeOf(arrival)
    if (this.#bytes + bytes > this.#maxBytes) {
      this.#lost++
      return
    }
    this.#bytes += bytes
    this.#arrivals.push(arrival)
  }

  /** The first of them, as many as go in one piece; none where nothing waits. */
  takePiece(): MovedArrival[] {
    let [count, bytes] = [0, 0]
    while (count < PIECE && count < this.#arrivals.length && bytes < PIECE_BYTES) bytes += sizeOf(this.#arrivals[count++]!)
    this.#bytes -= bytes
    return this.#arrivals.splice(0, count)
  }

  /** All of them, and how many were lost; it begins anew. */
  takeAll(): { readonly arrivals: readonly MovedArrival[]; readonly lost: number } {
    const all = { arrivals: this.#arrivals, lost: this.#lost }
    this.#arrivals = []
    this.#bytes = this.#lost = 0
    return all
  }
}

function sizeOf({ subject, reply, headers, payload }: MovedArrival): number {
  return OVERHEAD_BYTES + subject.length + (reply?.length ?? 0) + (headers?.length ?? 0) + payload.length
}
