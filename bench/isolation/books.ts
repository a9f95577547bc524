// Holds the broker's accounting against what the publisher sent and the readers say.

import type { BrokerStats } from '../../broker/ground/api.ts'
import type { BadReading } from './job.ts'

/** What does not add up; empty when every loss is accounted for and was told to who suffered it. */
export function checkBooks(stats: BrokerStats, published: number, bad: readonly BadReading[]): readonly string[] {
  const problems: string[] = []
  const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0)
  if (stats.accepted !== published) problems.push(`stats: ${stats.accepted} messages accepted of ${published} published`)
  if (stats.written + stats.stored + dropped + stats.pending !== stats.deliveries) problems.push(`stats: ${stats.deliveries} deliveries, but ${stats.written} written, ${stats.stored} stored, ${dropped} dropped and ${stats.pending} pending`)
  if (!stats.balanced) problems.push('stats: the broker says that its books do not balance')
  const told = bad.reduce((sum, reader) => sum + reader.toldLost, 0)
  const overflowed = stats.dropped['overflow'] ?? 0
  if (overflowed !== told) problems.push(`stats: ${overflowed} dropped as overflow, readers were told of ${told}`)
  return problems
}

/** Whether those who lost messages were told: of a run long enough that the paused and the slow reader overflow. */
export function checkNotices(bad: readonly BadReading[]): readonly string[] {
  return bad.flatMap(({ reader, gapNotices, returns }) => {
    if (reader === 'crashing') return returns > 0 ? [] : ['the crashing reader never came back']
    return gapNotices > 0 ? [] : [`the ${reader} reader got no gap notice: it did not overflow, or was not told`]
  })
}
