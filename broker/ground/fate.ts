// What becomes of one delivery, and who may ask to be told.

/**
 * Why a delivery did not happen. `no-interest`: nobody was there. `overflow`: its receiver's limit and policy. `expired`:
 * its time to live. `slow-consumer`: its receiver was ended for not reading. `link-down`: its receiver's link broke.
 * `link-unknown`: the link to other brokers broke before the other side had confirmed it; it may have arrived.
 * `actor-gone`: its receiver left. `not-stored`: its queue refused it, or could not keep it; its sender was told by an error.
 */
export const dropReasons = ['no-interest', 'overflow', 'expired', 'slow-consumer', 'link-down', 'link-unknown', 'actor-gone', 'not-stored'] as const
export type DropReason = (typeof dropReasons)[number]

/** A count for each reason. */
export function noDrops(): Record<DropReason, number> {
  return { 'no-interest': 0, overflow: 0, expired: 0, 'slow-consumer': 0, 'link-down': 0, 'link-unknown': 0, 'actor-gone': 0, 'not-stored': 0 }
}

/** Where a delivery stands: taken by the receiver's kernel, confirmed by the other end of the link to other brokers, kept by its queue as durably as was asked, waiting, or lost for a reason. */
export type Fate = 'written' | 'forwarded' | 'stored' | 'pending' | `dropped(${DropReason})`

/** Told of the fate of the messages of a slice that carries it, once per receiver. Called within the delivery: it must be quick, and must not throw. */
export interface FateWatch {
  /** `receiver` is the connection's number; `count`: of so many of the slice's messages, those that come next in their order. */
  settled(receiver: number, fate: Exclude<Fate, 'pending'>, count: number): void
  /** A write with all of them has begun and not ended: from now on they may arrive, even where they are dropped later. */
  leaving?(): void
  /** Of a slice that was written to a session: it will not be written again when the session goes on, though nobody has confirmed it. */
  forgotten?(): void
  /** Its sender waits for a receipt that has not left; undefined: none does. */
  readonly awaited?: { readonly sender: number; readonly ref: number } | undefined
  /** What is dropped comes again: its receiver is not told of a loss. */
  readonly isKept?: boolean
}
