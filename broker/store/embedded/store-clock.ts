// The two clocks of a store, and by how much the one on the wall was set back. Knows no queue.

/** Where time is read; tests have their own. */
export interface Clocks {
  /** Milliseconds since the epoch. */
  wallMs(): number
  /** Never steps back. */
  steadyMs(): number
}

export const systemClocks: Clocks = { wallMs: () => Date.now(), steadyMs: () => performance.now() }

/** A wall clock that is behind by more has been set back. ms */
const SLACK_MS = 2000

export class StoreClock {
  readonly #clocks: Clocks
  nowMs: number
  steadyMs: number
  #offsetMs: number
  #backMs = 0
  /** How much of it each queue has been told. */
  readonly #toldMs = new Map<number, number>()

  /** @param lastMs the latest time that the store saw before */
  constructor(clocks: Clocks, lastMs: number) {
    this.#clocks = clocks
    this.nowMs = clocks.wallMs()
    this.steadyMs = clocks.steadyMs()
    this.#offsetMs = this.nowMs - this.steadyMs
    if (lastMs - this.nowMs > SLACK_MS) this.#backMs = lastMs - this.nowMs
  }

  /** True when it was set back, also before the start. */
  get wasSetBack(): boolean {
    return this.#backMs > 0
  }

  /** Reads both. True: the one on the wall was set back since they were read last. */
  read(): boolean {
    this.nowMs = this.#clocks.wallMs()
    this.steadyMs = this.#clocks.steadyMs()
    const backMs = this.#offsetMs - (this.nowMs - this.steadyMs)
    this.#offsetMs = this.nowMs - this.steadyMs
    if (backMs <= SLACK_MS) return false
    this.#backMs += backMs
    return true
  }

  /** By how much times of that queue are too late, as it was not told before; the next time 0. ms */
  owedTo(queue: number): number {
    const owedMs = this.#backMs - (this.#toldMs.get(queue) ?? 0)
    this.#toldMs.set(queue, this.#backMs)
    return owedMs
  }
}
