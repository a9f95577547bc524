// One timer for all that a queue waits for: it rings for what is first.

export class Alarm {
  readonly #rings: () => void
  #timer: NodeJS.Timeout | undefined
  #atMs = Infinity
  #isStopped = false

  constructor(rings: () => void) {
    this.#rings = rings
  }

  /** Rings after that time, or before for something else; then it must be set again. Never earlier than asked: what is looked at a millisecond too soon is looked at twice. ms */
  set(inMs: number): void {
    if (this.#isStopped) return
    const delayMs = Math.max(1, Math.ceil(inMs) + 1)
    const atMs = performance.now() + delayMs
    if (atMs >= this.#atMs) return
    clearTimeout(this.#timer)
    this.#atMs = atMs
    this.#timer = setTimeout(() => {
      this.#atMs = Infinity
      this.#rings()
    }, delayMs)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }
}
