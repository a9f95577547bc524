// The messages that have arrived at this broker: which may go to a consumer now, which are kept back for the order of their
// session, which are on lease. Pure: times come from the caller.
//
//   add ─▶ (late by its number) ─▶ (its session is busy) ─▶ ready ─ take ─▶ leased ─ end ─▶ ending ─ remove, fail ─▶ gone
//                                                             ▲────────── release ──────────┘

import type { AttemptRecord } from '../../ground/store.ts'
import type { OrderingSettings } from '../../ground/store-settings.ts'
import { FifoQueue } from '../policy/fifo-queue.ts'
import { ReorderBuffer } from '../policy/reorder-buffer.ts'
import { SessionOrder } from '../policy/session-order.ts'
import type { Arrival } from './foreign-queue.ts'

export interface Here {
  arrival: Arrival
  /** Deliveries that were no attempts. */
  skew: number
  readonly history: readonly AttemptRecord[]
  /** `ending`: settled, and the store has not confirmed it yet. */
  phase: 'ready' | 'held' | 'leased' | 'ending'
  /** When it arrived, became ready again, or its lease began. Milliseconds on the monotonic clock */
  sinceMs: number
}

/** Which attempt a lease of it is. */
export function attemptOf({ arrival, skew }: Here): number {
  return Math.max(1, arrival.deliveries - skew)
}

/** It is on lease, or being settled: nobody else decides about it. */
export function isBusy({ phase }: Here): boolean {
  return phase === 'leased' || phase === 'ending'
}

export class Hand {
  readonly #here = new Map<number, Here>()
  /** Positions; those that have gone another way since are passed over. */
  readonly #ready = new FifoQueue()
  /** The lease that began first is the first. */
  readonly #leased = new Map<number, Here>()
  readonly #order: SessionOrder | undefined
  readonly #reorder: ReorderBuffer | undefined
  /** Of the message that is being added. */
  #sequence = 1
  readyCount = 0

  /** @param isWhole the first message of every session is still to come: a session begins with number 1, otherwise with what comes first */
  constructor(ordering: OrderingSettings, isWhole: boolean) {
    if (!ordering.enabled || ordering.guarantee === 'none') return
    this.#order = new SessionOrder(ordering)
    this.#reorder = new ReorderBuffer(ordering, () => (isWhole ? 1 : this.#sequence))
  }

  get size(): number {
    return this.#here.size
  }

  /** Those on lease, and those whose settlement is not confirmed yet. */
  get busyCount(): number {
    return this.#here.size - this.readyCount - this.heldCount
  }

  /** On lease, those that are being settled not counted. */
  get leasedCount(): number {
    return this.#leased.size
  }

  get heldCount(): number {
    return (this.#order?.heldCount ?? 0) + (this.#reorder?.lateCount ?? 0)
  }

  get isOrdered(): boolean {
    return this.#order !== undefined
  }

  get(position: number): Here | undefined {
    return this.#here.get(position)
  }

  all(): IterableIterator<Here> {
    return this.#here.values()
  }

  add(here: Here, nowMs: number): void {
    const { position, session, sequence, deliveries } = here.arrival
    this.#here.set(position, here)
    here.phase = 'held'
    if (this.#reorder === undefined || sequence === 0 || session === undefined || deliveries - here.skew > 1) return this.#arrive(position)
    this.#sequence = sequence
    for (const free of this.#reorder.arrive(session, sequence, position, nowMs)) this.#arrive(free)
  }

  /** Takes over one that is on lease, or being settled, from a hand of another order. Of two of one session the second has no part in the order any more. */
  adopt(here: Here): void {
    const { position, session } = here.arrival
    this.#here.set(position, here)
    if (here.phase === 'leased') this.#leased.set(position, here)
    if (this.#order?.isFree(session) === true) this.#order.arrive(position, session)
  }

  /** The next one that may go, on lease from now on. */
  take(nowMs: number): Here | undefined {
    for (let position = this.#ready.shift(); position !== 0; position = this.#ready.shift()) {
      const here = this.#here.get(position)
      if (here?.phase !== 'ready') continue
      this.readyCount--
      this.lease(here, nowMs)
      return here
    }
    return undefined
  }

  /** Its lease begins, or begins anew. */
  lease(here: Here, nowMs: number): void {
    here.phase = 'leased'
    here.sinceMs = nowMs
    this.#leased.delete(here.arrival.position)
    this.#leased.set(here.arrival.position, here)
  }

  /** It is being settled: its lease is over whatever time it is. */
  end(here: Here): void {
    if (here.phase === 'ready') this.readyCount--
    // What is held stands with the policies, and is no more when they are told.
    this.#leased.delete(here.arrival.position)
    here.phase = 'ending'
  }

  /** It was to end, and stays after all, as it was before. */
  stay(here: Here, before: Here['phase'], nowMs: number): void {
    const { position } = here.arrival
    here.phase = 'held'
    // Its turn may have come meanwhile.
    const isHeld = before === 'held' && (this.#order?.knows(position) !== true || this.#order.isHeld(position))
    if (!isHeld) this.#makeReady(position, nowMs, true)
  }

  /** It was not delivered after all, and goes before all others. */
  release(here: Here, nowMs: number): void {
    const { position } = here.arrival
    this.#leased.delete(position)
    this.#order?.release(position)
    this.#makeReady(position, nowMs, true)
  }

  /** It is gone: the next of its session may go. */
  remove(position: number, nowMs: number): void {
    this.#drop(position)
    this.#reorder?.remove(position)
    const next = this.#order?.finish(position) ?? 0
    if (next !== 0) this.#makeReady(next, nowMs)
  }

  /** It is gone and comes again: its session waits for it. */
  fail(position: number, nowMs: number): void {
    this.#drop(position)
    const next = this.#order?.fail(position, nowMs) ?? 0
    if (next !== 0) this.#makeReady(next, nowMs)
  }

  /** It is gone and comes again, though nothing was tried: it takes its place anew then. */
  forget(position: number): void {
    this.#drop(position)
    this.#order?.release(position)
  }

  /** The first lease that began at that time or before. */
  overdue(atMs: number): Here | undefined {
    for (const here of this.#leased.values()) return here.sinceMs <= atMs ? here : undefined
    return undefined
  }

  /** When the lease that ends first began; Infinity: there is none. */
  get firstLeaseMs(): number {
    for (const { sinceMs } of this.#leased.values()) return sinceMs
    return Infinity
  }

  /** Lets those go that have waited long enough for others. */
  timeOut(nowMs: number): void {
    for (const position of this.#reorder?.timeOut(nowMs) ?? []) this.#arrive(position)
    for (const position of this.#order?.timeOut(nowMs) ?? []) this.#makeReady(position, nowMs)
  }

  /** When `timeOut` has something to do; Infinity: never. */
  get nextTimeoutMs(): number {
    return Math.min(this.#reorder?.nextTimeoutMs ?? Infinity, this.#order?.nextTimeoutMs ?? Infinity)
  }

  #arrive(position: number): void {
    const here = this.#here.get(position)
    if (here === undefined) return
    const { session, deliveries } = here.arrival
    if (this.#order === undefined || this.#order.arrive(position, session, deliveries - here.skew > 1)) this.#makeReady(position, here.sinceMs)
  }

  #makeReady(position: number, nowMs: number, isFirst = false): void {
    const here = this.#here.get(position)
    // One whose turn comes while it ends has its turn when the store has refused to end it.
    if (here === undefined || here.phase === 'ending') return
    if (here.phase !== 'ready') this.readyCount++
    here.phase = 'ready'
    here.sinceMs = nowMs
    if (isFirst) this.#ready.unshift(position)
    else this.#ready.push(position)
  }

  #drop(position: number): void {
    const here = this.#here.get(position)
    if (here?.phase === 'ready') this.readyCount--
    this.#leased.delete(position)
    this.#here.delete(position)
  }
}
