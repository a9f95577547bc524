// How long things took, in buckets whose width grows with the value: no allocation per record, at most 0.8 % off.

const SUB_BITS = 7
const SUB_BUCKETS = 2 ** SUB_BITS
const MAX_MICROS = 2 ** 31 - 1
// Values below 256 have a bucket each; every doubling above has 128.
const BUCKETS = (31 - SUB_BITS + 1) * SUB_BUCKETS

/** Milliseconds. */
export interface LatencySummary {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export class Latencies {
  readonly #buckets = new Float64Array(BUCKETS)
  #count = 0
  #maxMicros = 0

  /** Adds one; below 0 counts as 0. µs */
  record(micros: number): void {
    this.#count++
    if (micros > this.#maxMicros) this.#maxMicros = micros
    this.#buckets[bucketOf(micros)]!++
  }

  summary(): LatencySummary {
    return { count: this.#count, p50: this.percentile(50) / 1000, p99: this.percentile(99) / 1000, max: this.#maxMicros / 1000 }
  }

  /** The value that `percent` of all do not exceed; 0 when there are none. µs */
  percentile(percent: number): number {
    let left = Math.max(1, Math.ceil((this.#count * percent) / 100))
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return Math.min(highestIn(bucket), this.#maxMicros)
    }
    return this.#maxMicros
  }
}

function bucketOf(micros: number): number {
  const value = micros <= 0 ? 0 : micros >= MAX_MICROS ? MAX_MICROS : micros | 0
  if (value < SUB_BUCKETS) return value
  const shift = 31 - Math.clz32(value) - SUB_BITS
  return shift * SUB_BUCKETS + (value >> shift)
}

function highestIn(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1
  return (bucket - shift * SUB_BUCKETS + 1) * 2 ** shift - 1
}
