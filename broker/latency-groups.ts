// How long the latest runs took, by channel and by sender.

import type { Core } from './core.ts'
import type { LatencyGroup } from './ground/api.ts'
import { LatencyGroups } from './observe/latency-groups.ts'

/** Runs that are looked at: enough for a p99, few enough to take some milliseconds. */
const MAX_RUNS = 10_000

/** Of the runs that are written and still known, the newest first. */
export function latencyGroups({ recorder, channels }: Pick<Core, 'recorder' | 'channels'>, percentiles: readonly number[]): LatencyGroup[] {
  const byChannel = new LatencyGroups<string>()
  const byOrigin = new LatencyGroups<number>()
  const owners = new Map<string, string | undefined>()
  for (let seq = recorder.next - 1, left = MAX_RUNS; seq >= recorder.oldest && left > 0; seq--, left--) {
    const { subject, origin, receivers, writtenMicros } = recorder.at(seq)!
    if (receivers === 0 || writtenMicros < 0) continue
    byOrigin.add(origin, writtenMicros)
    let owner = owners.get(subject)
    if (owner === undefined && !owners.has(subject)) owners.set(subject, (owner = channels.owner(subject.split('.'))?.name))
    if (owner !== undefined) byChannel.add(owner, writtenMicros)
  }
  return [...byChannel.result('channel', (name) => name, percentiles), ...byOrigin.result('connection', (origin) => `conn-${origin}`, percentiles)]
}
