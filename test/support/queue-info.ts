// Made-up queues as the broker's methods tell of them, for tests of how they are shown.

import type { QueueInfo } from '../../broker/ground/queue-api.ts'
import type { QueueCounts } from '../../broker/ground/store.ts'
import { defaultQueue } from '../../broker/ground/store-settings.ts'

export const noCounts: QueueCounts = {
  ready: 0, delayed: 0, held: 0, inFlight: 0, bytes: 0, deadLetters: 0, deadLetterBytes: 0, stored: 0, duplicates: 0, acked: 0, forwarded: 0, deadLettered: 0,
  expired: 0, dropped: 0, purged: 0, replayed: 0, retried: 0, lastPosition: 0, oldestAtMs: 0,
}

export function queueInfo({ counts, ...more }: Partial<Omit<QueueInfo, 'counts'>> & { readonly counts?: Partial<QueueCounts> } = {}): QueueInfo {
  return { name: 'jobs', isPaused: false, consumers: 0, rates: { stored: 0, acked: 0, coversMs: 0 }, settings: defaultQueue, counts: { ...noCounts, ...counts }, ...more }
}
