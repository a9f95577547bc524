// What the parts of one brokered queue work on together.

import type { Clock } from '../../ground/clock.ts'
import type { QueueListener } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import type { ForeignQueue, Kept } from './foreign-queue.ts'
import type { Hand } from './hand.ts'
import type { Notes } from './notes.ts'

export interface Workplace {
  readonly name: string
  readonly foreign: ForeignQueue
  readonly listener: QueueListener
  readonly clock: Clock
  readonly notes: Notes
  settings: QueueSettings
  /** Another one when another order holds: to be looked up again behind every wait. */
  hand: Hand
}

/** Milliseconds since the epoch. */
export function wallMs({ clock }: Pick<Workplace, 'clock'>): number {
  return Math.floor(clock.wallMicros() / 1000)
}

/** When it must not be delivered any more; Infinity: any time. Milliseconds since the epoch */
export function expiryMs({ expiresAtMs, storedAtMs }: Pick<Kept, 'expiresAtMs' | 'storedAtMs'>, { retentionMs }: QueueSettings): number {
  return Math.min(expiresAtMs === 0 ? Infinity : expiresAtMs, retentionMs === 0 ? Infinity : storedAtMs + retentionMs)
}
