// How long to wait before the next attempt to connect. Pure.

import type { RetrySettings } from '../broker/ground/settings.ts'

const MAX_DELAY_MS = 30_000
/** Share of the delay that is random: the clients of a broker that restarted must not all come back in one instant. */
const JITTER = 0.2

/**
 * Delay before attempt number `attempt` (1 and up): grows by the multiplier, at most 30 s, shortened by up to 20 % at
 * random. `random` is 0 and more, less than 1. ms
 */
export function retryDelayMs(policy: RetrySettings, attempt: number, random: number): number {
  const delayMs = Math.min(policy.retryDelayMs * policy.backoffMultiplier ** (attempt - 1), MAX_DELAY_MS)
  return delayMs * (1 - JITTER * random)
}
