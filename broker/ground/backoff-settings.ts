// How long to wait before something is tried again.

export interface BackoffSettings {
  /** Delay before the first restart. ms, default 100. */
  readonly initialMs: number
  /** ms, default 30000. */
  readonly maxMs: number
  /** default 2, at least 1. */
  readonly multiplier: number
  /** Share of the delay that is random, 0..1, default 0.2. */
  readonly jitter: number
}
