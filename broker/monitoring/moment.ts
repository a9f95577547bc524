// One moment on both clocks, and the wall time of others near it.

export interface Moment {
  readonly wallMicros: number
  readonly monotonicMs: number
}

/** Microseconds since the epoch. */
export function wallAt(moment: Moment, monotonicMs: number): number {
  return moment.wallMicros - Math.round((moment.monotonicMs - monotonicMs) * 1000)
}
