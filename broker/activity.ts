// When a connection last did something, and how long its answer to a ping takes. Looked at once a second: no message pays for it.

export class Activity {
  /** When it was last seen to have done something. Monotonic, ms; at most a second late. */
  sinceMs: number
  /** How long the answer to a ping took; undefined: none was measured. */
  rttMicros: number | undefined = undefined
  #done = 0
  #pingedAtMs = -1

  constructor(nowMs: number) {
    this.sinceMs = nowMs
  }

  /** `done`: a count of everything that it did so far. */
  look(nowMs: number, done: number): void {
    if (done !== this.#done) this.sinceMs = nowMs
    this.#done = done
  }

  /** True for who was never asked for a sign of life. */
  get isUnasked(): boolean {
    return this.rttMicros === undefined && this.#pingedAtMs < 0
  }

  pinged(nowMs: number): void {
    if (this.#pingedAtMs < 0) this.#pingedAtMs = nowMs
  }

  /** An answer without a question, or a second one, tells nothing. */
  ponged(nowMs: number): void {
    if (this.#pingedAtMs >= 0) this.rttMicros = Math.round((nowMs - this.#pingedAtMs) * 1000)
    this.#pingedAtMs = -1
  }
}
