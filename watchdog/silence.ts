// Measures how long a broker has said nothing, in time that the watchdog itself lived through. Pure.

/** Time between two looks. ms */
export const TICK_MS = 1000

/** A look that comes later than this was not waited for: watchdog or machine stood still, and the broker may have as well. ms */
const LATE_MS = 2 * TICK_MS

export class Silence {
  #silentMs = 0
  #lastMs: number | undefined

  /** The broker said something. */
  heard(): void {
    this.#silentMs = 0
  }

  /** Called each TICK_MS; gives how long nothing was heard. ms */
  tick(nowMs: number): number {
    const passedMs = this.#lastMs === undefined ? 0 : nowMs - this.#lastMs
    this.#lastMs = nowMs
    this.#silentMs += Math.min(passedMs, LATE_MS)
    return this.#silentMs
  }
}
