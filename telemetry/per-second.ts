// So many of something in each second. Counts; knows not what.

import type { Clock } from '../broker/ground/clock.ts'

export class PerSecond {
  readonly #clock: Clock
  readonly #limit: number
  #second = 0
  #taken = 0

  constructor(clock: Clock, limit: number) {
    this.#clock = clock
    this.#limit = limit
  }

  /** True when one more may be. */
  take(): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1000)
    if (second !== this.#second) this.#taken = 0
    this.#second = second
    return this.#taken++ < this.#limit
  }
}
