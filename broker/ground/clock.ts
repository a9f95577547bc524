// Where time comes from. Wall time goes on the wire, monotonic time decides deadlines.

export interface Clock {
  /** Microseconds since the Unix epoch, an integer below 2^53. */
  wallMicros(): number
  /** Milliseconds since the Unix epoch, as the system says at this moment: a clock that was set is seen at once, by `wallMicros` within a second. */
  wallMs(): number
  /** Milliseconds on a clock that never steps back; only differences mean anything. */
  monotonicMs(): number
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void
}

/** Wall time is read from the system once a second and carried on by the monotonic clock, which has the finer grain. */
const WALL_REFRESH_MS = 1000

class SystemClock implements Clock {
  #offsetMs = 0
  #refreshAtMs = -Infinity

  wallMicros(): number {
    const now = performance.now()
    if (now >= this.#refreshAtMs) {
      this.#offsetMs = Date.now() - now
      this.#refreshAtMs = now + WALL_REFRESH_MS
    }
    return Math.floor((this.#offsetMs + now) * 1000)
  }

  wallMs(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  }
}

export const systemClock: Clock = new SystemClock()
