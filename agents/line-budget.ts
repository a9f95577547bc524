// How many lines an agent may write into the log. Counts; knows no line.

import type { Clock } from '../broker/ground/clock.ts'

/** A token bucket. */
export interface LineRate {
  /** Lines that may come at once after silence. */
  readonly burst: number
  /** Lines a second in the long run. */
  readonly perSecond: number
}

export class LineBudget {
  readonly #clock: Clock
  readonly #rate: LineRate
  #tokens: number
  #refilledMs: number
  #suppressed = 0

  constructor(clock: Clock, rate: LineRate) {
    this.#clock = clock
    this.#rate = rate
    this.#tokens = rate.burst
    this.#refilledMs = clock.monotonicMs()
  }

  /** True when one more line may pass; false counts it as suppressed. */
  take(): boolean {
    const now = this.#clock.monotonicMs()
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#refilledMs) / 1000) * this.#rate.perSecond)
    this.#refilledMs = now
    const isWithin = this.#tokens >= 1
    if (isWithin) this.#tokens--
    else this.#suppressed++
    return isWithin
  }

  /** Lines suppressed since the last call. */
  takeSuppressed(): number {
    const suppressed = this.#suppressed
    this.#suppressed = 0
    return suppressed
  }
}
