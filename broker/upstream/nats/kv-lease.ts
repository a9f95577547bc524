// One lease that this process holds by an entry of the bucket: renews it, and knows when its time is over.

import type { Clock } from '../../ground/clock.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { Lease } from '../../ground/leases.ts'
import type { KvBucket } from './kv-bucket.ts'
import { encodeHolding, readHolding, type Holding } from './lease-holding.ts'

/** What is asked of the bucket. */
export type LeaseBucket = Pick<KvBucket, 'get' | 'put' | 'remove'>

/** A moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMicros: number
}

export interface KvLeaseOptions {
  readonly name: string
  /** Revision of the write that took it. */
  readonly token: number
  readonly holding: Holding
  readonly bucket: LeaseBucket
  readonly clock: Clock
  /** Right before that write. */
  readonly sentAt: Moment
  /** Called once, when it is not held any more. */
  readonly onEnd: (lease: KvLease) => void
}

/** Parts of its time to live: after so much the holder renews, and after so much it stops. */
const RENEW_AFTER = 0.25
const STOP_AFTER = 0.75
/** A renewal that failed is tried again so soon. */
const RETRY_AFTER = 1 / 16

export class KvLease implements Lease {
  readonly name: string
  readonly token: number
  readonly sinceMs: number
  readonly #options: KvLeaseOptions
  readonly #lost = new AbortController()
  #revision: number
  /** Right before the last write that is known to have been done. */
  #sentAt: Moment
  #isOver = false
  #cancelRenewal: () => void
  #cancelStop: () => void = () => {}
  /** The write that is on its way. */
  #renewal: Promise<void> = Promise.resolve()

  constructor(options: KvLeaseOptions) {
    const { name, token, sentAt } = options
    this.#options = options
    this.name = name
    this.token = token
    this.sinceMs = sentAt.monotonicMs
    this.#revision = token
    this.#sentAt = sentAt
    this.#armStop()
    this.#cancelRenewal = this.#renewIn(this.ttlMs * RENEW_AFTER)
  }

  get ttlMs(): number {
    return this.#options.holding.ttlMs
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get isHeld(): boolean {
    return !this.#isOver && this.#ageMs() < this.ttlMs * STOP_AFTER
  }

  async release(): Promise<void> {
    if (this.#isOver) return
    this.#end()
    await this.#giveBack()
  }

  /** Released by somebody else than its holder, to whom it is lost. */
  async surrender(problem: string): Promise<void> {
    this.#lose(problem)
    await this.#giveBack()
  }

  async #giveBack(): Promise<void> {
    const { name, bucket } = this.#options
    // A write that is under way would make the entry one that this does not know.
    await this.#renewal
    try {
      if ((await bucket.remove(name, this.#revision)) || !(await this.#adopt())) return
      await bucket.remove(name, this.#revision)
    } catch {
      // Nobody is there to be told: the others wait until its time is over.
    }
  }

  #renewIn(delayMs: number): () => void {
    return this.#options.clock.after(delayMs, () => {
      this.#renewal = this.#renew()
    })
  }

  async #renew(): Promise<void> {
    const { name, bucket, holding, clock } = this.#options
    // The timer may come late, as after a pause of the whole process.
    if (!this.isHeld) return this.#lose(`not renewed for ${Math.round(this.#ageMs())} ms`)
    let nextMs = this.ttlMs * RENEW_AFTER
    const sentAt = { monotonicMs: clock.monotonicMs(), wallMicros: clock.wallMicros() }
    try {
      const revision = await bucket.put(name, encodeHolding(holding), this.#revision, this.ttlMs * RENEW_AFTER)
      if (revision !== undefined) {
        this.#revision = revision
        this.#sentAt = sentAt
        this.#armStop()
      } else if (await this.#adopt()) nextMs = 0
      else this.#lose('somebody else has it')
    } catch {
      nextMs = this.ttlMs * RETRY_AFTER
    }
    if (!this.#isOver) this.#cancelRenewal = this.#renewIn(nextMs)
  }

  // A renewal whose confirmation was lost has been done all the same: the entry is ours in another revision. True: it is.
  async #adopt(): Promise<boolean> {
    const entry = await this.#options.bucket.get(this.name)
    if (entry?.value === undefined || readHolding(entry.value).holder !== this.#options.holding.holder) return false
    this.#revision = entry.revision
    return true
  }

  #armStop(): void {
    this.#cancelStop()
    const leftMs = this.ttlMs * STOP_AFTER - this.#ageMs()
    this.#cancelStop = this.#options.clock.after(Math.max(0, leftMs), () => this.#stop())
  }

  // Timers may be a little early.
  #stop(): void {
    if (this.isHeld) this.#armStop()
    else this.#lose(`not renewed for ${Math.round(this.#ageMs())} ms`)
  }

  // Of the two clocks the one that counted more: the monotonic one stands still while the machine sleeps.
  #ageMs(): number {
    const { clock } = this.#options
    return Math.max(clock.monotonicMs() - this.#sentAt.monotonicMs, (clock.wallMicros() - this.#sentAt.wallMicros) / 1000)
  }

  #lose(problem: string): void {
    if (this.#isOver) return
    // Over first: who is told looks at it.
    this.#isOver = true
    this.#lost.abort(new BrokerError('lease.lost', { lease: this.name, problem }))
    this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.#cancelRenewal()
    this.#cancelStop()
    this.#options.onEnd(this)
  }
}
