// Leases among all brokers that joined the same NATS servers, by compare-and-set on a key-value bucket.
//
//   holder     |write r1 ----- renew r2 ----- renew r3 -----x  dies        stops itself 3/4 of the time after r3 was SENT
//   contender                        sees r3 |--------- its whole time to live --------| writes over r3
//
// Nobody compares wall clocks: the holder counts from before its write, a contender from after it saw it, each on its
// own monotonic clock. So the holder's time is over first, however slow the servers are, as long as clocks run equally
// fast to a quarter. What sleeps past its end with work in hand is stopped by the fencing token: the revision of the
// write that took the lease. The bucket's own expiry is not used: it would trust the servers' wall clock.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import { BrokerError } from '../../ground/errors.ts'
import { checkLease, type Lease, type LeaseInfo, type Leases } from '../../ground/leases.ts'
import type { Log } from '../../ground/types.ts'
import type { BucketEntry } from './bucket-entry.ts'
import type { BucketSettings } from './kv-bucket.ts'
import { KvLease, type LeaseBucket } from './kv-lease.ts'
import { encodeHolding, readHolding } from './lease-holding.ts'

/** Files: a restart of all servers must not begin to count revisions anew, as tokens grow. */
export const leaseBucket: BucketSettings = { name: 'callboard_leases', description: 'Callboard: who is the only one', ttlMs: 0, storage: 'file', maxValueBytes: 1024 }

/** How often those who wait look. ms */
const MIN_POLL_MS = 25
const MAX_POLL_MS = 1000
/** Names that others hold and that are remembered; past it the eldest has to be seen anew. */
const MAX_SEEN = 10_000

export interface KvLeasesOptions {
  readonly bucket: LeaseBucket
  /** The broker, as people see it in the bucket. */
  readonly broker: string
  readonly clock: Clock
  readonly log: Log
}

/** Somebody else's holding, as it was first seen. */
interface Seen {
  readonly revision: number
  readonly atMs: number
}

export class KvLeases implements Leases {
  readonly #options: KvLeasesOptions
  /** This process, this object: what stands under it and is not held is a left-over of its own. */
  readonly #holder: string
  readonly #held = new Map<string, KvLease>()
  /** Names that are being asked for. */
  readonly #asked = new Set<string>()
  readonly #seen = new Map<string, Seen>()
  readonly #closing = new AbortController()

  constructor(options: KvLeasesOptions) {
    this.#options = options
    this.#holder = `${options.broker}.${randomBytes(8).toString('hex')}`
  }

  async tryAcquire(name: string, ttlMs: number): Promise<Lease | undefined> {
    checkLease(name, ttlMs)
    if (this.#closing.signal.aborted) throw closed(name)
    if (this.#held.has(name) || this.#asked.has(name)) return undefined
    this.#asked.add(name)
    try {
      return await this.#ask(name, ttlMs)
    } catch (error) {
      throw new BrokerError('lease.unavailable', { lease: name, problem: (error as Error).message }, { cause: error })
    } finally {
      this.#asked.delete(name)
    }
  }

  async acquire(name: string, ttlMs: number, signal?: AbortSignal): Promise<Lease> {
    for (;;) {
      if (isAborted(signal)) throw new BrokerError('client.aborted')
      const lease = await this.tryAcquire(name, ttlMs).catch((error: unknown) => {
        // The servers come back; nothing else gets better by waiting.
        if (this.#closing.signal.aborted || (error as BrokerError).code !== 'lease.unavailable') throw error
      })
      if (lease !== undefined) {
        if (!isAborted(signal)) return lease
        await lease.release()
        continue
      }
      await this.#pause(Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, ttlMs / 8)), signal)
    }
  }

  held(): LeaseInfo[] {
    const nowMs = this.#options.clock.monotonicMs()
    return Array.from(this.#held.values(), ({ name, token, ttlMs, sinceMs }) => ({ name, token, ttlMs, heldMs: nowMs - sinceMs }))
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await Promise.all(Array.from(this.#held.values(), (lease) => lease.surrender('the broker ends')))
  }

  async #ask(name: string, ttlMs: number): Promise<KvLease | undefined> {
    const { bucket, clock, log } = this.#options
    const entry = await bucket.get(name)
    if (entry?.value !== undefined && !this.#isOver(entry)) return undefined
    const sentAt = { monotonicMs: clock.monotonicMs(), wallMicros: clock.wallMicros() }
    const holding = { holder: this.#holder, broker: this.#options.broker, ttlMs }
    const token = await bucket.put(name, encodeHolding(holding), entry?.revision ?? 0)
    if (token === undefined) return undefined
    this.#seen.delete(name)
    const lease = new KvLease({ name, token, holding, bucket, clock, sentAt, onEnd: (ended) => this.#ended(ended) })
    // It took longer to write than it is worth: it stands there until the next one takes it.
    if (!lease.isHeld) return undefined
    this.#held.set(name, lease)
    log.info({ lease: name, token }, 'lease taken')
    if (this.#closing.signal.aborted) {
      await lease.surrender('the broker ends')
      throw closed(name)
    }
    return lease
  }

  // True once nobody can hold it any more by this entry.
  #isOver({ key, value, revision }: BucketEntry): boolean {
    const { holder, ttlMs } = readHolding(value!)
    if (holder === this.#holder) return true
    const nowMs = this.#options.clock.monotonicMs()
    const seen = this.#seen.get(key)
    if (seen?.revision === revision) return nowMs - seen.atMs >= ttlMs
    this.#seen.delete(key)
    if (this.#seen.size >= MAX_SEEN) this.#seen.delete(this.#seen.keys().next().value!)
    this.#seen.set(key, { revision, atMs: nowMs })
    return false
  }

  #ended(lease: KvLease): void {
    if (this.#held.get(lease.name) === lease) this.#held.delete(lease.name)
    const { lost } = lease
    if (lost.aborted) this.#options.log.warn({ lease: lease.name, token: lease.token, err: lost.reason as Error }, 'lease lost')
    else this.#options.log.info({ lease: lease.name, token: lease.token }, 'lease released')
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        for (const each of [signal, this.#closing.signal]) each?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.#options.clock.after(delayMs, wake)
      for (const each of [signal, this.#closing.signal]) each?.addEventListener('abort', wake)
    })
  }
}

// A function, as it may become true at any await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function closed(name: string): BrokerError {
  return new BrokerError('lease.unavailable', { lease: name, problem: 'the broker ends' })
}
