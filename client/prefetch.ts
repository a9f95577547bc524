// How many messages of a queue a consumer keeps ready that nobody works on yet: few where the work is slow, so that other consumers
// get them, many where it is fast, so that it never waits. Pure.

/** Messages that waited less than this were wanted sooner; those that waited longer than that would have been better elsewhere. ms */
const SHORT_MS = 100
const LONG_MS = 1000

export class Prefetch {
  readonly #least: number
  readonly #most: number
  #size: number

  /** Begins with `least` and stays within `least`..`most`. */
  constructor(least: number, most: number) {
    this.#least = Math.min(least, most)
    this.#most = most
    this.#size = this.#least
  }

  /** Messages that are asked for or wait, at most. */
  get size(): number {
    return this.#size
  }

  /** More is about to be asked for, and the last message that was taken had waited so long. ms */
  judge(waitedMs: number): void {
    if (waitedMs < SHORT_MS) this.#size = Math.min(this.#most, this.#size * 2)
    else if (waitedMs > LONG_MS) this.#size = Math.max(this.#least, Math.floor(this.#size / 2))
  }
}
