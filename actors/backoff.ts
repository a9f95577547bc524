// How long to wait before a restart. Pure: chance comes from the caller.

import type { BackoffSettings } from '../broker/ground/settings.ts'

/**
 * Delay before the restart after the `failures`-th failure in a row, ms: `initialMs` after the first, `multiplier` times
 * more after each other, at most `maxMs`. The share `jitter` of it is random, so that children that failed together do
 * not come back together; `random` is 0..1.
 */
export function backoffMs(settings: BackoffSettings, failures: number, random: number): number {
  const { initialMs, maxMs, multiplier, jitter } = settings
  const fullMs = Math.min(maxMs, initialMs * multiplier ** Math.max(0, failures - 1))
  return fullMs * (1 - jitter + jitter * random)
}
