// What becomes of one delivery, and who may ask to be told.

import type { DropReason } from './slice.ts'

/** Where a delivery stands: taken by the receiver's kernel, waiting, or lost for a reason. */
export type Fate = 'written' | 'pending' | `dropped(${DropReason})`

/** Told of the fate of each message of a slice that carries it, once per receiver. Called within the delivery: it must be quick, and must not throw. */
export interface FateWatch {
  /** `receiver` is the connection's number. */
  settled(receiver: number, fate: Exclude<Fate, 'pending'>): void
}
