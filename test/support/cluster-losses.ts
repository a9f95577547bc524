// Which losses of a history are not explained: neither was the sender told, nor did something happen that may lose messages
// without a word.

import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { ClusterHistory } from './cluster-history.ts'
import type { Sender } from './cluster-sender.ts'

/** A time on the monotonic clock in which something was killed, cut or away. ms */
export interface Trouble {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Messages that did not come to a subscriber or group, of which the sender was not told, and that were not sent within any
 * of these times; as text, each run of them as one line. Empty: every loss is explained.
 */
export function unexplainedLosses(history: ClusterHistory, to: string, senders: readonly Sender[], troubles: readonly Trouble[] = []): string[] {
  return senders.flatMap(sender => {
    const lost = history
      .missing(to, sender.subject)
      .filter(({ from, told }) => from === sender.name && told !== 'link-down' && told !== 'link-unknown')
      .filter(({ n }) => !troubles.some(({ fromMs, toMs }) => fromMs <= sender.sentAtMs[n - 1]! && sender.sentAtMs[n - 1]! <= toMs))
    return runsOf(lost).map(([{ n, told }, last]) => `${to} did not get ${sender.name} ${sender.subject} ${n}..${last.n} (sent at ${Math.round(sender.sentAtMs[n - 1]!)}..${Math.round(sender.sentAtMs[last.n - 1]!)} ms), of which its sender was told ${told}`)
  })
}

// First and last of each run of consecutive numbers of which the same was told.
function runsOf<T extends { readonly n: number; readonly told: string }>(all: readonly T[]): [first: T, last: T][] {
  const runs: [T, T][] = []
  for (const each of all) {
    const run = runs.at(-1)
    if (run !== undefined && run[1].n === each.n - 1 && run[1].told === each.told) run[1] = each
    else runs.push([each, each])
  }
  return runs
}

/** How long what is under way may take on a busy machine, once all who send have stopped. ms */
const ARRIVAL_MS = 60_000

/** Passes when `losses` are none any more; fails with those that stay, after `explain` has told what may help to find why. */
export async function untilExplained(t: Pick<ExecutionContext, 'deepEqual'>, losses: () => string[], explain?: () => Promise<void>): Promise<void> {
  const sinceMs = performance.now()
  while (losses().length > 0 && performance.now() < sinceMs + ARRIVAL_MS) await delay(20)
  if (losses().length > 0) await explain?.()
  t.deepEqual(losses(), [])
}
