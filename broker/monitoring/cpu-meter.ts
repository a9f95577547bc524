// How much of a processor the process uses, between one look and the next.

/** Looks that are closer together answer as the one before: over less than this, the figure is noise. ms */
const GRAIN_MS = 1000

export class CpuMeter {
  #lookedMs: number
  #micros: number
  #percent = 0

  /** `micros`: processor time used so far. */
  constructor(nowMs: number, micros: number) {
    this.#lookedMs = nowMs
    this.#micros = micros
  }

  /** Percent of one processor since the last look, rounded as nats-server rounds: 0..100 times the cores. */
  percent(nowMs: number, micros: number): number {
    const elapsedMs = nowMs - this.#lookedMs
    if (elapsedMs < GRAIN_MS) return this.#percent
    this.#percent = Math.round((micros - this.#micros) / elapsedMs / 10)
    this.#lookedMs = nowMs
    this.#micros = micros
    return this.#percent
  }
}
