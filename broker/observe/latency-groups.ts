// Delivery latency by channel and by sender, worked out of the recorder's runs when somebody asks: nothing is kept for it.

import type { LatencyGroup } from '../ground/api.ts'
import { Histogram } from './histogram.ts'

/** More names than that are left out: 8 KiB each while the question is answered. */
const MAX_GROUPS = 2000

export class LatencyGroups {
  readonly #groups = new Map<string, { readonly kind: LatencyGroup['kind']; readonly name: string; readonly histogram: Histogram }>()

  /** A run that took `micros` from received to written. */
  add(kind: LatencyGroup['kind'], name: string, micros: number): void {
    const key = `${kind} ${name}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      if (this.#groups.size >= MAX_GROUPS) return
      this.#groups.set(key, (group = { kind, name, histogram: new Histogram() }))
    }
    group.histogram.record(micros)
  }

  /** One for each name, with the percentiles of `wanted` besides. */
  result(wanted: readonly number[]): LatencyGroup[] {
    return [...this.#groups.values()].map(({ kind, name, histogram }) => ({ kind, name, ...histogram.percentiles(wanted) }))
  }
}
