// Where time comes from. Wall time goes on the wire, monotonic time decides deadlines.

export interface Clock {
  /** Microseconds since the Unix epoch, an integer below 2^53. */
  wallMicros(): number
  /** Milliseconds on a clock that never steps back; only differences mean anything. */
  monotonicMs(): number
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  wallMicros: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
