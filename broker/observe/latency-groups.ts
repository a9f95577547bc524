// Delivery latency by channel and by sender, worked out of the recorder's runs when somebody asks: nothing is kept for it.

import type { LatencyGroup } from '../ground/api.ts'

/** Milliseconds of durations in µs; that of a percentile is the least which so many do not exceed. */
export function latencyOf(micros: readonly number[], percentiles: readonly number[]): Omit<LatencyGroup, 'kind' | 'name'> {
  const sorted = Float64Array.from(micros).sort()
  const ms = (percentile: number): number => Math.round(sorted[Math.max(0, Math.ceil((sorted.length * percentile) / 100) - 1)] ?? 0) / 1000
  const at = percentiles.map((percentile) => ({ percentile, ms: ms(percentile) }))
  return { count: sorted.length, p50: ms(50), p95: ms(95), p99: ms(99), max: ms(100), ...(at.length === 0 ? {} : { at }) }
}

/** Durations by name. */
export class LatencyGroups<Name> {
  readonly #micros = new Map<Name, number[]>()

  /** A run that took `micros` from received to written. */
  add(name: Name, micros: number): void {
    const group = this.#micros.get(name)
    if (group === undefined) this.#micros.set(name, [micros])
    else group.push(micros)
  }

  /** One for each name. */
  result(kind: LatencyGroup['kind'], textOf: (name: Name) => string, percentiles: readonly number[]): LatencyGroup[] {
    return [...this.#micros].map(([name, micros]) => ({ kind, name: textOf(name), ...latencyOf(micros, percentiles) }))
  }
}
