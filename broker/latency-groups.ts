// How long the latest runs took, by channel and by sender.

import type { Core } from './core.ts'
import type { LatencyGroup } from './ground/api.ts'
import { LatencyGroups } from './observe/latency-groups.ts'

/** Runs that are looked at: enough for a p99, few enough to take 10 ms. */
const MAX_RUNS = 20_000

/** Of the runs that are written and still known, the newest first. */
export function latencyGroups({ recorder, channels }: Core, percentiles: readonly number[]): LatencyGroup[] {
  const groups = new LatencyGroups()
  const owners = new Map<string, string | undefined>()
  for (let seq = recorder.next - 1, left = MAX_RUNS; seq >= recorder.oldest && left > 0; seq--, left--) {
    const { subject, origin, receivers, writtenMicros } = recorder.at(seq)!
    if (receivers === 0 || writtenMicros < 0) continue
    if (!owners.has(subject)) owners.set(subject, channels.owner(subject.split('.'))?.name)
    const channel = owners.get(subject)
    if (channel !== undefined) groups.add('channel', channel, writtenMicros)
    groups.add('connection', `conn-${origin}`, writtenMicros)
  }
  return groups.result(percentiles)
}
