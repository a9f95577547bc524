// Leases of a broker that is joined to no other: whoever asks first has the lease, as long as this process lives.

import type { Clock } from '../ground/clock.ts'
import { BrokerError } from '../ground/errors.ts'
import { checkLease, type Lease, type LeaseInfo, type Leases } from '../ground/leases.ts'

/** Tokens of one incarnation; with 2^53 numbers there is room for 2^23 incarnations. */
const TOKENS_PER_INCARNATION = 2 ** 30

export class LocalLeases implements Leases {
  readonly #clock: Clock
  readonly #held = new Map<string, LocalLease>()
  /** Those who wait, by name, the eldest first. */
  readonly #waiting = new Map<string, Set<() => void>>()
  #lastToken: number
  #isClosed = false

  /** `incarnation` grows with each start, and with it the tokens. */
  constructor(clock: Clock, incarnation: number) {
    this.#clock = clock
    this.#lastToken = incarnation * TOKENS_PER_INCARNATION
  }

  // Refuses by rejecting, as the others do.
  async tryAcquire(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkLease(name, ttlMs)
    if (this.#isClosed) throw closed(name)
    if (this.#held.has(name)) return undefined
    const lease = new LocalLease(name, ++this.#lastToken, ttlMs, this.#clock.monotonicMs(), (ended) => this.#ended(ended))
    this.#held.set(name, lease)
    return lease
  }

  async acquire(name: string, ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    for (;;) {
      if (signal?.aborted === true) throw new BrokerError('client.aborted')
      const lease = await this.tryAcquire(name, ttlMs)
      if (lease !== undefined) return lease
      await this.#freed(name, signal)
    }
  }

  held(): LeaseInfo[] {
    const nowMs = this.#clock.monotonicMs()
    return Array.from(this.#held.values(), ({ name, token, ttlMs, sinceMs }) => ({ name, token, ttlMs, heldMs: nowMs - sinceMs }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const lease of this.#held.values()) lease.lose()
    for (const name of this.#waiting.keys()) this.#wake(name)
  }

  #ended(lease: LocalLease): void {
    this.#held.delete(lease.name)
    this.#wake(lease.name)
  }

  #wake(name: string): void {
    const waiting = this.#waiting.get(name)
    this.#waiting.delete(name)
    for (const wake of waiting ?? []) wake()
  }

  #freed(name: string, signal: AbortSignal | undefined): Promise<void> {
    // Between the refusal and here it may have become free.
    if (this.#isClosed || !this.#held.has(name)) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const wake = (): void => {
        signal?.removeEventListener('abort', wake)
        waiting.delete(wake)
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
        resolve()
      }
      waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }
}

class LocalLease implements Lease {
  readonly name: string
  readonly token: number
  readonly ttlMs: number
  readonly sinceMs: number
  readonly #lost = new AbortController()
  readonly #onEnd: (lease: LocalLease) => void
  isHeld = true

  constructor(name: string, token: number, ttlMs: number, sinceMs: number, onEnd: (lease: LocalLease) => void) {
    this.name = name
    this.token = token
    this.ttlMs = ttlMs
    this.sinceMs = sinceMs
    this.#onEnd = onEnd
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async release(): Promise<void> {
    if (!this.isHeld) return
    this.isHeld = false
    this.#onEnd(this)
  }

  lose(): void {
    this.isHeld = false
    this.#onEnd(this)
    this.#lost.abort(new BrokerError('lease.lost', { lease: this.name, problem: 'the broker ends' }))
  }
}

function closed(name: string): BrokerError {
  return new BrokerError('lease.unavailable', { lease: name, problem: 'the broker ends' })
}
