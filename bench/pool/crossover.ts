// From which size on threads are worth it. Pure.

import type { Costs } from './measure.ts'

export interface Sized extends Costs {
  readonly bytes: number
}

/**
 * The smallest size from which on, at every size measured, a pooled task takes less of the main thread than one done
 * here; undefined when there is none. `sizes` ascend.
 */
export function crossover(sizes: readonly Sized[]): number | undefined {
  return firstFrom(sizes, ({ here, pooled }) => pooled.mainMicros < here.mainMicros)
}

/** The same for the delay: from here on a result takes at most twice as long as done here, when nobody else waits. */
export function delayCrossover(sizes: readonly Sized[]): number | undefined {
  return firstFrom(sizes, ({ here, pooled }) => pooled.delayMicros <= 2 * here.delayMicros)
}

function firstFrom(sizes: readonly Sized[], holds: (size: Sized) => boolean): number | undefined {
  const lastBad = sizes.findLastIndex(size => !holds(size))
  return sizes[lastBad + 1]?.bytes
}
