// The two clocks of a store, and by how much the one on the wall was set. Knows no queue.

/** Where time is read; tests have their own. */
export interface Clocks {
  /** Milliseconds since the epoch. */
  wallMs(): number
  /** Never steps back. */
  steadyMs(): number
}

export const systemClocks: Clocks = { wallMs: () => Date.now(), steadyMs: () => performance.now() }

/** A wall clock that is off by more has been set: forward, or back. ms */
const SLACK_MS = 2000

export class StoreClock {
  readonly #clocks: Clocks
  nowMs: number
  steadyMs: number
  #offsetMs: number
  /** All in all; below 0: back. */
  #setByMs = 0
  /** How much of it each queue has been told. */
  readonly #toldMs = new Map<number, number>()

  /** @param lastMs the latest time that the store saw before */
  constructor(clocks: Clocks, lastMs: number) {
    this.#clocks = clocks
    this.nowMs = clocks.wallMs()
    this.steadyMs = clocks.steadyMs()
    this.#offsetMs = this.nowMs - this.steadyMs
    // Ahead of it is where a store that was closed should find the clock.
    if (lastMs - this.nowMs > SLACK_MS) this.#setByMs = this.nowMs - lastMs
  }

  /** True when it was set, also back before the start. */
  get wasSet(): boolean {
    return this.#setByMs !== 0
  }

  /** Reads both. True: the one on the wall was set since they were read last, or went on while the machine slept. */
  read(): boolean {
    this.nowMs = this.#clocks.wallMs()
    this.steadyMs = this.#clocks.steadyMs()
    const byMs = Math.round(this.nowMs - this.steadyMs - this.#offsetMs)
    this.#offsetMs = this.nowMs - this.steadyMs
    if (Math.abs(byMs) <= SLACK_MS) return false
    this.#setByMs += byMs
    return true
  }

  /** How far times of that queue are to be moved, as it was not told before; the next time 0. ms, below 0: they are too late */
  owedTo(queue: number): number {
    const owedMs = this.#setByMs - (this.#toldMs.get(queue) ?? 0)
    this.#toldMs.set(queue, this.#setByMs)
    return owedMs
  }

  /** So much of what the queue was told it has not done. ms */
  forget(queue: number, owedMs: number): void {
    this.#toldMs.set(queue, (this.#toldMs.get(queue) ?? 0) - owedMs)
  }
}
