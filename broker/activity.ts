// When a connection last did something, and how long its answer to a ping takes. Looked at once a second: no message pays for it.

export class Activity {
  /** When it was last seen to have done something. Monotonic, ms; at most a second late. */
  sinceMs: number
  /** How long the answer to a ping took; undefined: none was measured. */
  rttMicros: number | undefined = undefined
  #done = 0
  #pingedAtMs = -1
  /** Pings of this link, and those that are answered: answers come in order. */
  #asked = 0
  #answered = 0
  readonly #awaited = new Set<{ readonly ping: number; readonly answered: () => void }>()

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
    this.#asked++
    if (this.#pingedAtMs < 0) this.#pingedAtMs = nowMs
  }

  /** An answer without a question, or a second one, tells nothing. */
  ponged(nowMs: number): void {
    if (this.#pingedAtMs >= 0) this.rttMicros = Math.round((nowMs - this.#pingedAtMs) * 1000)
    this.#pingedAtMs = -1
    if (this.#answered < this.#asked) this.#answered++
    for (const awaited of this.#awaited) {
      // In the order of their pings.
      if (awaited.ping > this.#answered) break
      this.#awaited.delete(awaited)
      awaited.answered()
    }
  }

  /** `answered` is called when the ping that was sent last is answered, not by the answer to an earlier one; returns what forgets it. */
  awaitLast(answered: () => void): () => void {
    const awaited = { ping: this.#asked, answered }
    this.#awaited.add(awaited)
    return () => void this.#awaited.delete(awaited)
  }

  /** Its link is another one: what was asked on the old one is answered by nobody. */
  relinked(): void {
    this.#answered = this.#asked
    this.#awaited.clear()
    this.#pingedAtMs = -1
  }
}
