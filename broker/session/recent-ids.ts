// Ids that came not long ago: bounded in time and in number, oldest forgotten first. Knows nothing of messages.

export class RecentIds {
  readonly #maxIds: number
  readonly #onCrowded: () => void
  /** When each came. Monotonic, ms; in the order in which they came */
  readonly #times = new Map<string, number>()
  #isCrowded = false

  /** `onCrowded` is told when an id is forgotten before its time, once until there is room again. */
  constructor(maxIds: number, onCrowded: () => void) {
    this.#maxIds = maxIds
    this.#onCrowded = onCrowded
  }

  get size(): number {
    return this.#times.size
  }

  /** True when the id came within the last `windowMs`, which it does not prolong; otherwise it is remembered from now on. */
  isRepeat(id: string, nowMs: number, windowMs: number): boolean {
    const times = this.#times
    const cameMs = times.get(id)
    if (cameMs !== undefined && nowMs - cameMs < windowMs) return true
    times.delete(id)
    this.#forget(nowMs - windowMs)
    times.set(id, nowMs)
    return false
  }

  // Two for each that comes, so that it costs the same however many are over; one more when there is no room.
  #forget(untilMs: number): void {
    const times = this.#times
    for (let i = 0; i < 2; i++) {
      const oldest = times.entries().next().value
      if (oldest === undefined || oldest[1] > untilMs) break
      times.delete(oldest[0])
      this.#isCrowded = false
    }
    if (times.size < this.#maxIds) return
    times.delete(times.keys().next().value!)
    if (this.#isCrowded) return
    this.#isCrowded = true
    this.#onCrowded()
  }
}
