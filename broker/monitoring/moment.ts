// One moment on both clocks, and the wall time of others before it.

export interface Moment {
  readonly wallMicros: number
  readonly monotonicMs: number
  /** Wall time at 0 of the monotonic clock, as it was when the broker started: what happened once has one time, whatever becomes of the wall clock. */
  readonly epochMicros: number
}

/** Microseconds since the epoch. */
export function wallAt({ epochMicros }: Moment, monotonicMs: number): number {
  return epochMicros + Math.round(monotonicMs * 1000)
}
