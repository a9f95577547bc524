// A world in which brokers compete for leases while their clocks drift, their processes stand still, and what they send to
// the bucket is late or lost. One true time; everybody has a clock of his own.

import type { Clock } from '../../broker/ground/clock.ts'
import type { Lease } from '../../broker/ground/leases.ts'
import { KvLeases } from '../../broker/upstream/nats/kv-leases.ts'
import type { LeaseBucket } from '../../broker/upstream/nats/kv-lease.ts'
import { FakeClock } from './fake-clock.ts'
import { recordedLog } from './recorded-log.ts'

/** A clock that runs faster or slower than the true one, of a process that can stand still. */
class DriftingClock implements Clock {
  readonly #world: FakeClock
  readonly #rate: number
  readonly #wallOffsetMicros: number
  #late: (() => void)[] | undefined

  constructor(world: FakeClock, rate: number, wallOffsetMicros: number) {
    this.#world = world
    this.#rate = rate
    this.#wallOffsetMicros = wallOffsetMicros
  }

  wallMicros(): number {
    return this.#wallOffsetMicros + Math.floor(this.monotonicMs() * 1000)
  }

  wallMs(): number {
    return Math.floor(this.wallMicros() / 1000)
  }

  monotonicMs(): number {
    return this.#world.monotonicMs() * this.#rate
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false
    const run = (): void => {
      if (isCancelled) return
      if (this.#late === undefined) callback()
      else this.#late.push(run)
    }
    // As Node's timers: never sooner than a millisecond. A wait too short for a double to add to the time would end at the same time, for ever.
    const cancel = this.#world.after(Math.max(1, delayMs) / this.#rate, run)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  /** The process stands still for so long in true time; its timers fire when it goes on. */
  standStill(ms: number): void {
    if (this.#late !== undefined) return
    this.#late = []
    this.#world.after(ms, () => {
      const late = this.#late!
      this.#late = undefined
      for (const run of late) run()
    })
  }
}

/** What becomes of one question to the bucket. */
export interface Delivery {
  readonly thereMs: number
  readonly backMs: number
  readonly lost: 'no' | 'question' | 'answer'
}

type Entries = Map<string, { value: Uint8Array | undefined; revision: number }>

/** A bucket as JetStream keeps it, at the end of a bad network. */
class FarBucket implements LeaseBucket {
  readonly #world: FakeClock
  readonly #entries: Entries
  readonly #next: () => Delivery

  constructor(world: FakeClock, entries: Entries, next: () => Delivery) {
    this.#world = world
    this.#entries = entries
    this.#next = next
  }

  get(key: string): ReturnType<LeaseBucket['get']> {
    return this.#carry(() => {
      const entry = this.#entries.get(key)
      return entry === undefined ? undefined : { key, ...entry }
    })
  }

  put(key: string, value: string, expected?: number): ReturnType<LeaseBucket['put']> {
    return this.#carry(() => this.#write(key, Buffer.from(value), expected))
  }

  remove(key: string, expected?: number): ReturnType<LeaseBucket['remove']> {
    return this.#carry(() => this.#write(key, undefined, expected) !== undefined)
  }

  #write(key: string, value: Uint8Array | undefined, expected: number | undefined): number | undefined {
    if (expected !== undefined && (this.#entries.get(key)?.revision ?? 0) !== expected) return undefined
    const revision = Math.max(0, ...Array.from(this.#entries.values(), each => each.revision)) + 1
    this.#entries.set(key, { value, revision })
    return revision
  }

  #carry<T>(question: () => T): Promise<T> {
    const { thereMs, backMs, lost } = this.#next()
    return new Promise((resolve, reject) => {
      const fail = (): unknown => this.#world.after(thereMs + backMs, () => reject(new Error('no answer')))
      if (lost === 'question') return void fail()
      this.#world.after(thereMs, () => {
        const answer = question()
        if (lost === 'answer') fail()
        else this.#world.after(backMs, () => resolve(answer))
      })
    })
  }
}

export interface Competitor {
  /** How fast its clock runs: 1 = true. */
  readonly rate: number
  /** How wrong its wall clock is. ms */
  readonly wallOffsetMs: number
}

export class LeaseWorld {
  readonly clock = new FakeClock()
  readonly #clocks: readonly DriftingClock[]
  readonly #leases: readonly KvLeases[]
  readonly #holdings: (Lease | undefined)[]
  /** Tokens in the order in which leases were taken. */
  readonly tokens: number[] = []
  #isOver = false

  constructor(competitors: readonly Competitor[], nextDelivery: () => Delivery) {
    const entries: Entries = new Map()
    this.#clocks = competitors.map(({ rate, wallOffsetMs }) => new DriftingClock(this.clock, rate, wallOffsetMs * 1000))
    this.#leases = this.#clocks.map((clock, i) => new KvLeases({ bucket: new FarBucket(this.clock, entries, nextDelivery), broker: `b${i}`, clock, log: recordedLog() }))
    this.#holdings = competitors.map(() => undefined)
  }

  /** Everybody wants the lease, again and again. */
  compete(name: string, ttlMs: number): void {
    this.#leases.forEach((leases, i) => {
      const again = async (): Promise<void> => {
        while (!this.#isOver) {
          const lease = await leases.acquire(name, ttlMs)
          this.tokens.push(lease.token)
          this.#holdings[i] = lease
          await new Promise(resolve => lease.lost.addEventListener('abort', resolve))
        }
      }
      again().catch(() => {})
    })
  }

  /** Who may act by its own clock now. */
  holders(): number {
    return this.#holdings.filter(lease => lease?.isHeld === true).length
  }

  /** The holder, or whoever is picked, stands still. */
  standStill(pick: number, ms: number): void {
    this.#clocks[pick % this.#clocks.length]!.standStill(ms)
  }

  async end(): Promise<void> {
    this.#isOver = true
    const closed = new AbortController()
    void Promise.all(this.#leases.map(leases => leases.close())).then(() => closed.abort())
    while (!closed.signal.aborted) await this.clock.advance(1000)
  }
}
