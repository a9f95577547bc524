// Shows the accounting identity of a broker with its numbers, and which side is off if it ever is.
//
//   deliveries 1,234 = 1,200 written + 30 dropped + 4 pending

import type { BrokerStats, ChannelStats } from '../client/index.ts'
import { formatCount } from './format.ts'

export type Sums = Omit<ChannelStats, 'name'>

/** What the identity misses: above 0, deliveries that have no fate; below 0, fates that no delivery has. */
export function imbalanceOf(sums: Sums): number {
  return sums.deliveries - sums.written - sums.forwarded - sums.stored - droppedOf(sums) - sums.pending
}

/** Deliveries dropped, whatever the reason. */
export function droppedOf({ dropped }: Sums): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0)
}

/** Both sides with their numbers. */
export function formatIdentity(sums: Sums): string {
  const sign = imbalanceOf(sums) === 0 ? '=' : '≠'
  return `deliveries ${formatCount(sums.deliveries)} ${sign} ${formatCount(sums.written)} written + ${sums.forwarded === 0 ? '' : `${formatCount(sums.forwarded)} forwarded + `}${sums.stored === 0 ? '' : `${formatCount(sums.stored)} stored + `}${formatCount(droppedOf(sums))} dropped + ${formatCount(sums.pending)} pending`
}

/** Which side is off, in words; undefined when none is. */
export function formatImbalance(sums: Sums): string | undefined {
  const missing = imbalanceOf(sums)
  if (missing === 0) return undefined
  const count = formatCount(Math.abs(missing))
  return missing > 0 ? `${count} without a fate: the left side is too large` : `${count} too many fates: the right side is too large`
}

/** What is published outside every channel: the sums less those of the channels. */
export function outsideOf(stats: BrokerStats): ChannelStats {
  const rest = (pick: (sums: Sums) => number): number => pick(stats) - stats.channels.reduce((sum, channel) => sum + pick(channel), 0)
  return {
    name: '(outside)',
    accepted: rest(sums => sums.accepted),
    deliveries: rest(sums => sums.deliveries),
    written: rest(sums => sums.written),
    forwarded: rest(sums => sums.forwarded),
    stored: rest(sums => sums.stored),
    pending: rest(sums => sums.pending),
    rejected: rest(sums => sums.rejected),
    duplicates: rest(sums => sums.duplicates),
    dropped: Object.fromEntries(Object.keys(stats.dropped).map(reason => [reason, rest(sums => sums.dropped[reason] ?? 0)])),
  }
}
