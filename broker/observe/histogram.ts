// Durations in buckets whose width grows with the value: any range, bounded memory, at most 3 % off.

const SUB_BUCKETS = 32
const OCTAVES = 32

import type { Percentiles } from '../ground/api.ts'

export class Histogram {
  readonly #buckets = new Float64Array(SUB_BUCKETS * OCTAVES)
  #count = 0
  #sumMicros = 0
  #maxMicros = 0

  /** Adds one duration. Microseconds, 0..2^31. */
  record(micros: number): void {
    this.#count++
    this.#sumMicros += micros
    if (micros > this.#maxMicros) this.#maxMicros = micros
    this.#buckets[bucketOf(micros)]!++
  }

  get count(): number {
    return this.#count
  }

  get sumMicros(): number {
    return this.#sumMicros
  }

  get maxMicros(): number {
    return this.#maxMicros
  }

  /**
   * How many durations were at most as long as each of `boundsMicros`, which ascend, and longer than the bound before;
   * one number more than bounds, the last for those beyond all. A bucket counts where its upper edge is.
   */
  countsWithin(boundsMicros: readonly number[]): number[] {
    const counts = new Array<number>(boundsMicros.length + 1).fill(0)
    let at = 0
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      const count = this.#buckets[bucket]!
      if (count === 0) continue
      const edge = Math.min(upperEdge(bucket), this.#maxMicros)
      while (at < boundsMicros.length && edge > boundsMicros[at]!) at++
      counts[at]! += count
    }
    return counts
  }

  /** Milliseconds; with the percentiles of `wanted` besides, 0..100 each. */
  percentiles(wanted: readonly number[] = []): Percentiles & { readonly count: number } {
    const at = wanted.map((percentile) => ({ percentile, ms: this.at(percentile) }))
    return { count: this.#count, p50: this.at(50), p95: this.at(95), p99: this.at(99), max: Math.round(this.#maxMicros) / 1000, ...(at.length === 0 ? {} : { at }) }
  }

  /** The least duration that `percentile` (0..100) of all do not exceed; of none, 0. ms */
  at(percentile: number): number {
    if (this.#count === 0) return 0
    let left = Math.max(1, Math.ceil((this.#count * percentile) / 100))
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return Math.round(Math.min(upperEdge(bucket), this.#maxMicros)) / 1000
    }
    return this.#maxMicros / 1000
  }
}

// Below 32 µs a bucket each; above, 32 buckets per doubling.
function bucketOf(micros: number): number {
  const value = Math.max(0, Math.min(micros, 0x7fffffff)) | 0
  if (value < SUB_BUCKETS) return value
  const octave = 31 - Math.clz32(value) - 4
  return octave * SUB_BUCKETS + ((value >> (octave - 1)) & (SUB_BUCKETS - 1))
}

function upperEdge(bucket: number): number {
  const octave = Math.floor(bucket / SUB_BUCKETS)
  if (octave === 0) return bucket
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS) + 1) * 2 ** (octave - 1) - 1
}
