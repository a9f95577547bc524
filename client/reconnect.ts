// How long to wait before the next attempt to connect, and before a look whether somebody listens again. Pure.

import type { RetrySettings } from '../broker/ground/settings.ts'

const MAX_DELAY_MS = 30_000
/** Share of the delay that is random: the clients of a broker that restarted must not all come back in one instant. */
const JITTER = 0.2
/** Shortest time between two looks: each is a system call or two, and a broker is back in some 400 ms. */
const LOOK_MS = 50
/** Looks grow rarer with the time away, as share of it: who comes back then is late by no more than that. */
const LATE = 0.1

/**
 * Delay before attempt number `attempt` (1 and up): grows by the multiplier, at most 30 s, shortened by up to 20 % at
 * random. `random` is 0 and more, less than 1. ms
 */
export function retryDelayMs(policy: RetrySettings, attempt: number, random: number): number {
  const delayMs = Math.min(policy.retryDelayMs * policy.backoffMultiplier ** (attempt - 1), MAX_DELAY_MS)
  return delayMs * (1 - JITTER * random)
}

/**
 * Time until the next look at a broker of this host, `awayMs` after it was lost; shortened at random as the delays are. A look is no
 * attempt: where nobody listens it costs nothing, and whom the broker has restarted for need not wait out the delay. ms, from 40
 */
export function lookDelayMs(awayMs: number, random: number): number {
  return Math.max(LOOK_MS, awayMs * LATE) * (1 - JITTER * random)
}

/** Nobody listens: for now, as somebody did. */
export const NOBODY_THERE: ReadonlySet<string> = new Set(['connect.no_socket', 'connect.refused'])

/** The broker itself has gone. Whom it sent away for another reason comes back no sooner than it was told to. */
export const BROKER_GONE: ReadonlySet<string> = new Set(['connection.lost', 'connection.draining'])
