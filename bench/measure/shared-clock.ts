// One clock for all processes of a host: microseconds on CLOCK_MONOTONIC since an epoch that the first of them chose.

/** As process.hrtime() gives it. */
export type Epoch = readonly [seconds: number, nanoseconds: number]

export class SharedClock {
  readonly epoch: Epoch

  constructor(epoch: Epoch = process.hrtime()) {
    this.epoch = epoch
  }

  /** Microseconds since the epoch, whole; below 2^32 for 71 minutes. */
  now(): number {
    const [seconds, nanoseconds] = process.hrtime()
    return (seconds - this.epoch[0]) * 1e6 + Math.round((nanoseconds - this.epoch[1]) / 1000)
  }
}
