// Leases: whoever must be the only one that does something, in this broker or among all that are joined, holds the lease
// of that name. Types and the check of what is asked for; who keeps leases is found elsewhere.

import { BrokerError } from './errors.ts'

/** The right to be the only one, as long as `isHeld` says. */
export interface Lease {
  readonly name: string
  /**
   * Fencing token: greater than that of everybody who held the lease before, 1..2^53-1. A resource that remembers the
   * greatest token it saw, and refuses smaller ones, is safe even from a holder that slept past the end of its lease.
   */
  readonly token: number
  /** Judged by the clock at this moment: also right before the timer that ends the lease had its turn. */
  readonly isHeld: boolean
  /** Aborted when the lease is lost against its holder's will, with a BrokerError `lease.lost` as reason. Not by `release()`. */
  readonly lost: AbortSignal
  /** Gives it back; the next one gets it at once. Resolves also when the servers could not be told: it ends by itself then. */
  release(): Promise<void>
}

export interface LeaseInfo {
  readonly name: string
  readonly token: number
  readonly ttlMs: number
  readonly heldMs: number
}

export interface Leases {
  /**
   * The lease now, or undefined while somebody else has it. It is renewed until it is released or lost. `ttlMs` is how
   * long it outlives a holder that died: 100..600000. The holder stops a quarter earlier.
   * @throws BrokerError `lease.invalid`; `lease.unavailable` when nobody can say who has it
   */
  tryAcquire(name: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Waits until the lease is free, however long.
   * @throws BrokerError `lease.invalid`, `client.aborted` by the signal, `lease.unavailable` once these leases are closed
   */
  acquire(name: string, ttlMs: number, signal?: AbortSignal): Promise<Lease>
  /** Those that this process holds, the eldest first. */
  held(): LeaseInfo[]
  /** Releases all and lets nobody acquire any more; to their holders they are lost. */
  close(): Promise<void>
}

const NAME = /^[\w-]{1,64}(?:\.[\w-]{1,64}){0,7}$/
const MIN_TTL_MS = 100
const MAX_TTL_MS = 600_000

/** @throws BrokerError `lease.invalid` */
export function checkLease(name: string, ttlMs: number): void {
  if (!NAME.test(name)) throw new BrokerError('lease.invalid', { lease: name.slice(0, 80), problem: 'a name is 1 to 8 tokens of A-Z a-z 0-9 _ -, 64 characters each, divided by dots' })
  if (!(ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS)) throw new BrokerError('lease.invalid', { lease: name, problem: `its time to live must be ${MIN_TTL_MS}..${MAX_TTL_MS} ms, got ${ttlMs}` })
}
