// What is to happen to a receiver whose publishers have waited long enough.

import type { Overflow } from '../ground/settings.ts'
import type { Slice } from '../ground/slice.ts'
import type { Load } from './load.ts'
import type { WaitingSlices } from './waiting-slices.ts'

/** It drops from now on, its policy ends it, or nothing may be dropped and all wait. */
export type Shedding = 'shedding' | 'disconnect' | 'blocked'

/** Some of what waits may go, so that the rest may stay. */
export function isDropping(policy: Overflow): boolean {
  return policy === 'drop-oldest' || policy === 'drop-newest'
}

/** Judges by the policies of what waits, where it is too much: of all, or of the channels that are full. */
export function judgeShedding(waiting: WaitingSlices, load: Load, policyOf: (slice: Slice) => Overflow): Shedding {
  const isWhole = !load.isBelowLow
  // All that is too much is in flight: the connection's own policy.
  if (isWhole && waiting.isEmpty && load.limits.overflow === 'disconnect') return 'disconnect'
  let isBlocked = load.limits.overflow === 'block'
  let canDrop = false
  for (const slice of waiting) {
    if (slice.count === 0 || (!isWhole && !load.isChannelHigh(slice))) continue
    const policy = policyOf(slice)
    if (policy === 'disconnect') return 'disconnect'
    if (policy === 'block') isBlocked = true
    else canDrop = true
  }
  if (isBlocked && !canDrop) return 'blocked'
  // Answers and other frames of the broker's own cannot be dropped: were they too much and nothing else there, it would grow without end.
  return isWhole && !canDrop && !waiting.isEmpty ? 'disconnect' : 'shedding'
}

/**
 * Takes what is too much, the oldest first, until what is full has room again or nothing more may go. The newest stays: what
 * is in flight alone may be above the limit, and nothing would be left to come behind it.
 */
export function takeExcess(waiting: WaitingSlices, load: Load, policyOf: (slice: Slice) => Overflow): Slice[] {
  const { newest } = waiting
  const isOld = (slice: Slice): boolean => slice.count > 0 && slice !== newest && policyOf(slice) === 'drop-oldest'
  const taken: Slice[] = []
  const takeFirst = (is: (slice: Slice) => boolean): boolean => {
    const slice = waiting.takeFirst(is)
    if (slice === undefined) return false
    load.remove(slice)
    taken.push(slice)
    return true
  }
  while (load.isHigh) if (!takeFirst(isOld)) break
  while (load.hasFullChannels) if (!takeFirst((slice) => isOld(slice) && load.isChannelHigh(slice))) break
  return taken
}
