// What counters and gauges were over the last day, in rings that never grow. Knows no metric by name and no clock.
//
//   every second, 5 minutes   ████████████ 300        a question takes the finest ring that reaches back far enough
//   every 10 s, an hour       ████████████ 360
//   every minute, a day       ████████████ 1440       2,100 samples of 8 bytes for each series

import type { HistoryAnswer, HistorySeries, SeriesKind } from '../ground/api.ts'

interface RingSize {
  readonly everyMs: number
  readonly samples: number
}

const RINGS: readonly RingSize[] = [
  { everyMs: 1000, samples: 300 },
  { everyMs: 10_000, samples: 360 },
  { everyMs: 60_000, samples: 1440 },
]

export class History {
  readonly #names: readonly string[]
  readonly #kinds: readonly SeriesKind[]
  readonly #rings: readonly Ring[]

  /** Names that end in `_total` are counters. */
  constructor(names: readonly string[], rings: readonly RingSize[] = RINGS) {
    this.#names = names
    this.#kinds = names.map((name) => (name.endsWith('_total') ? 'counter' : 'gauge'))
    this.#rings = rings.map((size) => new Ring(size, this.#kinds))
  }

  get names(): readonly string[] {
    return this.#names
  }

  /** Remembers the values at `nowMs`, one for each name in order. Times never go back. */
  sample(nowMs: number, values: readonly number[]): void {
    for (const ring of this.#rings) ring.sample(nowMs, values)
  }

  /**
   * The last `periodMs` up to `nowMs`, with the values of now, in `parts` parts. `isWanted` picks the series.
   * Nothing before the first sample.
   */
  read(nowMs: number, values: readonly number[], periodMs: number, parts: number, isWanted: (name: string) => boolean): HistoryAnswer {
    const ring = this.#rings.find((each) => each.reachMs >= periodMs || each.hasAll) ?? this.#rings.at(-1)!
    const wanted = [...this.#names.keys()].filter((at) => isWanted(this.#names[at]!))
    const fromMs = ring.startOf(nowMs - periodMs) ?? nowMs
    const coversMs = nowMs - fromMs
    const series = wanted.map((at) => this.#series(ring, at, fromMs, nowMs, values[at]!, parts))
    return { coversMs, resolutionMs: ring.everyMs, series }
  }

  #series(ring: Ring, at: number, fromMs: number, nowMs: number, value: number, parts: number): HistorySeries {
    const name = this.#names[at]!
    const kind = this.#kinds[at]!
    const edges = Array.from({ length: parts + 1 }, (_, part) => fromMs + ((nowMs - fromMs) * part) / parts)
    if (kind === 'gauge') {
      const points = edges.slice(1).map((edge, part) => ring.peak(at, edges[part]!, edge) ?? ring.valueAt(at, edge) ?? value)
      points[parts - 1] = Math.max(points[parts - 1]!, ring.recentPeak(at), value)
      return { name, kind, value, peak: Math.max(...points), points }
    }
    const reached = edges.map((edge, part) => (part === parts ? value : (ring.valueAt(at, edge) ?? value)))
    const points = edges.slice(1).map((_, part) => reached[part + 1]! - reached[part]!)
    const grown = value - reached[0]!
    return { name, kind, value: grown, rate: nowMs === fromMs ? 0 : (grown * 1000) / (nowMs - fromMs), points }
  }
}

// One resolution. Counters are kept as they stand, so that the growth between any two samples is exact, however late
// they were taken; gauges as the largest value since the sample before, so that a coarse ring loses no peak.
class Ring {
  readonly everyMs: number
  readonly #samples: number
  readonly #width: number
  readonly #isPeak: readonly boolean[]
  readonly #times: Float64Array
  readonly #values: Float64Array
  /** Largest values since the last sample. */
  readonly #peaks: Float64Array
  #count = 0
  #lastSlot = -Infinity

  constructor({ everyMs, samples }: RingSize, kinds: readonly SeriesKind[]) {
    this.everyMs = everyMs
    this.#samples = samples
    this.#width = kinds.length
    this.#isPeak = kinds.map((kind) => kind === 'gauge')
    this.#times = new Float64Array(samples)
    this.#values = new Float64Array(samples * kinds.length)
    this.#peaks = new Float64Array(kinds.length).fill(-Infinity)
  }

  /** How far back it reaches when it is full. ms */
  get reachMs(): number {
    return (this.#samples - 1) * this.everyMs
  }

  /** It has forgotten nothing yet. */
  get hasAll(): boolean {
    return this.#count <= this.#samples
  }

  sample(nowMs: number, values: readonly number[]): void {
    const peaks = this.#peaks
    for (let i = 0; i < this.#width; i++) peaks[i] = Math.max(peaks[i]!, values[i]!)
    const slot = Math.floor(nowMs / this.everyMs)
    if (slot === this.#lastSlot) return
    this.#lastSlot = slot
    const at = this.#count++ % this.#samples
    this.#times[at] = nowMs
    for (let i = 0; i < this.#width; i++) this.#values[at * this.#width + i] = this.#isPeak[i]! ? peaks[i]! : values[i]!
    peaks.fill(-Infinity)
  }

  /** Time of the latest sample at or before `ms`, or of the oldest that is known; undefined without any. */
  startOf(ms: number): number | undefined {
    if (this.#count === 0) return undefined
    return this.#times[this.#slotAt(Math.max(this.#oldest, this.#lastUpTo(ms)))]
  }

  /** A series as it was at `ms`, by the latest sample before; undefined when none is as old. */
  valueAt(series: number, ms: number): number | undefined {
    const index = this.#lastUpTo(ms)
    return index < this.#oldest ? undefined : this.#values[this.#slotAt(index) * this.#width + series]
  }

  /** The largest value after `fromMs` up to `toMs`; undefined when no sample is there. */
  peak(series: number, fromMs: number, toMs: number): number | undefined {
    let peak: number | undefined
    for (let index = this.#lastUpTo(toMs); index >= this.#oldest && this.#times[this.#slotAt(index)]! > fromMs; index--) {
      peak = Math.max(peak ?? -Infinity, this.#values[this.#slotAt(index) * this.#width + series]!)
    }
    return peak
  }

  /** The largest value since the last sample; -Infinity when none was offered. */
  recentPeak(series: number): number {
    return this.#peaks[series]!
  }

  get #oldest(): number {
    return Math.max(0, this.#count - this.#samples)
  }

  #slotAt(index: number): number {
    return index % this.#samples
  }

  /** Index of the latest sample at or before `ms`; one less than the oldest when there is none. */
  #lastUpTo(ms: number): number {
    let low = this.#oldest
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#times[this.#slotAt(middle)]! <= ms) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
