// Remembers the restarts of the last period, to tell when a supervisor should give up. Has no clock of its own.

export class RestartIntensity {
  readonly #limit: number
  readonly #periodMs: number
  /** Times of the restarts within the period, oldest first; at most one more than the limit. */
  readonly #times: number[] = []

  /** `limit`: restarts that are borne within `periodMs`; 0 bears none, Infinity all. */
  constructor(limit: number, periodMs: number) {
    this.#limit = limit
    this.#periodMs = periodMs
  }

  /** Counts a restart at `nowMs`, which never steps back; true when that is one too many. */
  exceeds(nowMs: number): boolean {
    if (this.#limit === Infinity) return false
    while (this.#times.length > 0 && this.#times[0]! < nowMs - this.#periodMs) this.#times.shift()
    this.#times.push(nowMs)
    return this.#times.length > this.#limit
  }
}
