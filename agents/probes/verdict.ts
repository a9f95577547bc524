// What attempts of a probe add up to: counts them in a row. Pure: has no clock and makes no attempt.
//
//   starting ─ successThreshold in a row ─▶ healthy ⇄ unhealthy     failureThreshold, successThreshold in a row
//      └─ no success in time, or failureThreshold in a row after the first ─▶┘

import type { ProbeHealth, ProbePace } from '../../broker/ground/probes.ts'

export interface Verdict {
  readonly health: ProbeHealth
  /** In a row; one of the two is 0. */
  readonly successes: number
  readonly failures: number
  /** An attempt has succeeded: whatever takes its time to start is there. */
  readonly hasSucceeded: boolean
  /** Why the last attempt failed; undefined: it did not, or there was none. */
  readonly problem: string | undefined
}

/** Before the first attempt. */
export const noVerdict: Verdict = { health: 'starting', successes: 0, failures: 0, hasSucceeded: false, problem: undefined }

const LEAST_START_MS = 30_000

type Counting = Pick<ProbePace, 'failureThreshold' | 'successThreshold' | 'initialDelayMs' | 'intervalMs'>

/**
 * The verdict after one more attempt. `problem`: why it failed, undefined: it did not; `sinceStartMs`: from the start of the
 * process to the end of the attempt. Until the first success time decides and not the count: a start is tried
 * more often than `intervalMs`.
 */
export function judge(verdict: Verdict, problem: string | undefined, sinceStartMs: number, pace: Counting): Verdict {
  const [successes, failures] = problem === undefined ? [verdict.successes + 1, 0] : [0, verdict.failures + 1]
  const next = { ...verdict, successes, failures, hasSucceeded: verdict.hasSucceeded || problem === undefined, problem }
  return { ...next, health: healthAfter(next, sinceStartMs, pace) }
}

/** `verdict` has the counts after the attempt, and the health before it. */
function healthAfter({ health: before, successes, failures, hasSucceeded }: Verdict, sinceStartMs: number, pace: Counting): ProbeHealth {
  if (successes > 0) return successes >= pace.successThreshold ? 'healthy' : before
  if (!hasSucceeded) return sinceStartMs >= startMs(pace) ? 'unhealthy' : 'starting'
  return failures >= pace.failureThreshold ? 'unhealthy' : before
}

/** Time that an instance has for its first success, however short its intervals are: programs take their time to start, on a busy machine most. ms */
export function startMs({ initialDelayMs, failureThreshold, intervalMs }: Counting): number {
  return initialDelayMs + Math.max(LEAST_START_MS, failureThreshold * intervalMs)
}

/** How an instance is of which several things are known: the worst of them; healthy where there are none. */
export function worst(healths: Iterable<ProbeHealth>): ProbeHealth {
  let found: ProbeHealth = 'healthy'
  for (const health of healths) {
    if (health === 'starting') return 'starting'
    if (health === 'unhealthy') found = 'unhealthy'
  }
  return found
}
