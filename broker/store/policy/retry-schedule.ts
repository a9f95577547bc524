// When a message that failed is tried again, and when it has been tried often enough. Pure: chance and counts come from the caller.

import type { RetrySchedule } from '../../ground/store-settings.ts'

/** Of this attempt on, doubling has long reached any limit: 2^31 ms is 24 days. */
const MAX_DOUBLINGS = 31

/** True when no attempt follows the failed one, counted from 1. */
export function isLastAttempt({ maxAttempts }: RetrySchedule, failedAttempt: number): boolean {
  return maxAttempts > 0 && failedAttempt >= maxAttempts
}

/**
 * How long after the failure of attempt `failedAttempt` (from 1) the next one begins. Whole milliseconds, never above
 * maxDelayMs unless a list says so. The random share shortens a delay, so that messages that failed together do not come back together.
 * @param random 0..1, by default drawn here
 */
export function retryDelayMs(schedule: RetrySchedule, failedAttempt: number, random = Math.random()): number {
  const { backoff, initialDelayMs, maxDelayMs, jitter } = schedule
  if (typeof backoff === 'object') return backoff[Math.min(failedAttempt, backoff.length) - 1] ?? 0
  const doublings = backoff === 'exponential' ? Math.min(failedAttempt - 1, MAX_DOUBLINGS) : 0
  const delayMs = Math.min(initialDelayMs * 2 ** doublings, maxDelayMs)
  return Math.round(delayMs * (1 - jitter * random))
}
