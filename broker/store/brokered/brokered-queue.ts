// A queue in a foreign store with all that queues promise: leases, retries, order, expiry, dead letters and counts are this broker's
// work on what the store does by itself (foreign-queue.ts). Knows no store.
//
//   append ─▶ put ─▶ told               arrived ─▶ hand ─▶ leased ─▶ settle ─┬─ ack ──▶ finish
//                                          ▲                                 ├─ nak ──▶ endings: giveBack, or a dead letter
//                     demand ─▶ want ──────┘                                 └─ release ─▶ hand
//
// One timer for all that comes with time: ack waits, order, expiry, signs of life for what is here, notes.

import { systemClock, type Clock } from '../../ground/clock.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { Durability, QueueSettings } from '../../ground/store-settings.ts'
import type { Append, QueueCounts, QueueListener, Selection, SettleOutcome, Settlement, StoredMessage, StoredQuery, StoredQueue } from '../../ground/store.ts'
import type { Log } from '../../ground/types.ts'
import { Appends, checkDurability } from './appends.ts'
import { Endings } from './endings.ts'
import type { Arrival, ForeignListener, ForeignQueue } from './foreign-queue.ts'
import { attemptOf, Hand, isBusy, type Here } from './hand.ts'
import { countsOf, listOf, purgeWaiting, replay } from './inspection.ts'
import { Notes } from './notes.ts'
import { Upkeep } from './upkeep.ts'
import { wallMs, type Workplace } from './workplace.ts'

export interface BrokeredQueueOptions {
  readonly name: string
  readonly backend: string
  readonly settings: QueueSettings
  readonly listener: QueueListener
  readonly log: Log
  /** The strongest that the store gives. */
  readonly durability: Durability
  /** Opens the store's part; it may tell its listener as soon as it is asked for messages. */
  readonly open: (listener: ForeignListener) => Promise<ForeignQueue>
  readonly clock?: Clock
  readonly onClosed?: () => void
}

/** Messages that are kept back here for the order of their sessions; beyond that nothing more is fetched until some are settled. */
const MAX_HELD = 10_000
/** How often what happened is noted, where anything did. ms */
const NOTE_EVERY_MS = 1000
/** What arrived and nobody has demanded is given back after so long, so that other brokers have it. ms */
const IDLE_MS = 1000

export class BrokeredQueue implements StoredQueue, ForeignListener {
  readonly name: string
  readonly #options: BrokeredQueueOptions
  readonly #at: Workplace
  readonly #endings: Endings
  readonly #upkeep: Upkeep
  readonly #appends: Appends
  /** Leases that may begin; below 0 when demand was taken back while leases began. */
  #balance = 0
  #problem: BrokerError | undefined
  #isClosing = false
  #closed: Promise<void> | undefined
  /** Puts, settlements and other work that has begun. */
  readonly #work = new Set<Promise<unknown>>()
  #isPumpDue = false
  #cancelTimer: (() => void) | undefined
  #timerAtMs = Infinity
  #extendAtMs: number
  /** Nothing is leased before; see `open`. */
  readonly #leasesFromMs: number
  #noteAtMs = Infinity
  #noted = 0

  private constructor(options: BrokeredQueueOptions, at: Workplace, leasesFromMs: number) {
    this.name = options.name
    this.#options = options
    this.#at = at
    this.#endings = new Endings(at)
    this.#upkeep = new Upkeep(at, this.#endings, () => this.#arm())
    this.#appends = new Appends(at, this.#upkeep, options, () => this.#arm())
    this.#leasesFromMs = leasesFromMs
    this.#extendAtMs = at.clock.monotonicMs() + at.foreign.extendEveryMs
  }

  /** @throws BrokerError `store.durability`, or what `open` throws */
  static async open(options: BrokeredQueueOptions): Promise<BrokeredQueue> {
    const { name, settings, listener, clock = systemClock } = options
    checkDurability(options, settings.durability)
    // Nothing arrives before it is wanted.
    const opened: { queue?: BrokeredQueue } = {}
    const foreign = await options.open({ arrived: (arrivals) => opened.queue?.arrived(arrivals), stateChanged: (problem) => opened.queue?.stateChanged(problem) })
    const [{ own }, { puts, messages, handedOut }] = await Promise.all([foreign.notes(), foreign.state()])
    const notes = Notes.read(own)
    const [oldest] = messages === 0 ? [] : await foreign.read(0, 1)
    notes.forgetBelow(oldest?.position ?? Number.MAX_SAFE_INTEGER)
    const hand = new Hand(settings.ordering, puts === 0)
    // What a broker had that was killed comes first when it is given out again; until then later messages of its sessions would overtake it.
    const isWaiting = hand.isOrdered && handedOut > notes.waiting(Infinity).givenBack
    const queue = new BrokeredQueue(options, { name, foreign, listener, clock, notes, settings, hand }, isWaiting ? clock.monotonicMs() + foreign.handoverMs : 0)
    if (isWaiting) options.log.info({ queue: name, waitMs: foreign.handoverMs }, 'store: messages are on lease to nobody who is here; an ordered queue waits until they come back')
    opened.queue = queue
    queue.#noted = notes.happened
    queue.#upkeep.begin()
    queue.#arm()
    return queue
  }

  get isPaused(): boolean {
    return this.#at.notes.isPaused
  }

  // No step of several queues is atomic in a foreign store.
  readonly forward = undefined

  append(append: Append): void {
    this.#track(this.#appends.append(append, this.#isClosing ? new BrokerError('store.unavailable', { backend: this.#options.backend, problem: `queue "${this.name}" is being closed` }) : this.#problem))
  }

  demand(more: number): void {
    this.#balance += more
    this.#pumpSoon()
  }

  settle(settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void {
    const lost: number[] = []
    const acked: Here[] = []
    const work: Promise<void>[] = []
    const now = this.#at.clock.monotonicMs()
    const { hand, foreign } = this.#at
    for (const { position, attempt, verdict, delayMs, reason = '' } of settlements) {
      const here = hand.get(position)
      if (here?.phase !== 'leased' || attemptOf(here) !== attempt) lost.push(position)
      else if (verdict === 'working') {
        hand.lease(here, now)
        foreign.extend([position])
      } else if (verdict === 'release') hand.release(here, now)
      else {
        hand.end(here)
        if (verdict === 'ack') acked.push(here)
        else work.push(verdict === 'nak' ? this.#endings.fail(here, reason, delayMs) : this.#endings.term(here, reason))
      }
    }
    if (acked.length > 0) work.push(this.#finish(acked))
    this.#track(this.#settled(work, lost, done))
  }

  counts(): Promise<QueueCounts> {
    return countsOf(this.#at)
  }

  list(query: StoredQuery): Promise<readonly StoredMessage[]> {
    return listOf(this.#at, query)
  }

  replay(which: Selection): Promise<number> {
    return replay(this.#at, which)
  }

  async purge(which: 'waiting' | 'dead', selection: Selection): Promise<number> {
    if (which === 'dead') return this.#at.foreign.removeDead(selection)
    const count = await purgeWaiting(this.#at, selection)
    this.#pump()
    return count
  }

  async pause(isPaused: boolean): Promise<void> {
    this.#at.notes.isPaused = isPaused
    this.#pumpSoon()
    await this.#at.foreign.note(this.#at.notes.write())
  }

  async change(settings: QueueSettings): Promise<void> {
    checkDurability(this.#options, settings.durability)
    await this.#at.foreign.change(settings)
    const { ordering } = this.#at.settings
    this.#at.settings = settings
    if (JSON.stringify(ordering) !== JSON.stringify(settings.ordering)) this.#deal(settings)
    this.#upkeep.begin()
    this.#pumpSoon()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    const { foreign, notes } = this.#at
    this.#cancelTimer?.()
    await this.#upkeep.stop()
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
    await foreign.stop().catch(() => {})
    const left = [...this.#at.hand.all()].toSorted((a, b) => a.arrival.position - b.arrival.position)
    await Promise.allSettled(left.map((here) => this.#giveBack(here, here.phase !== 'leased')))
    await foreign.note(notes.write()).catch(() => {})
    await foreign.close()
    this.#options.onClosed?.()
  }

  arrived(arrivals: readonly Arrival[]): void {
    const { hand, clock } = this.#at
    for (const arrival of arrivals) {
      const known = hand.get(arrival.position)
      if (known === undefined) this.#arrive(arrival)
      else {
        // This broker slept for too long, and the store gave it out anew: to this broker. The lease of a consumer goes on.
        known.skew += arrival.deliveries - known.arrival.deliveries
        known.arrival = arrival
      }
    }
    hand.timeOut(clock.monotonicMs())
    this.#pump()
  }

  stateChanged(problem: BrokerError | undefined): void {
    if (this.#isClosing || problem === this.#problem) return
    this.#problem = problem
    this.#at.listener.stateChanged(problem)
    this.#pumpSoon()
  }

  #arrive(arrival: Arrival): void {
    const { hand, notes, clock, settings, foreign } = this.#at
    const note = notes.take(arrival.position)
    const now = wallMs(this.#at)
    // Of what this broker does not remember: with a time to come it has arrived once too early, as a rule.
    const skew = Math.min(arrival.deliveries - 1, note?.skew ?? (foreign.waitsUntilDue !== true && arrival.dueAtMs > arrival.storedAtMs ? 1 : 0))
    const here: Here = { arrival, skew, history: note?.history ?? [], phase: 'held', sinceMs: clock.monotonicMs() }
    const attempt = attemptOf(here)
    const isEarly = attempt === 1 && arrival.dueAtMs > now
    if (this.#isClosing || isEarly) return this.#track(this.#giveBack(here, true, isEarly ? arrival.dueAtMs : 0))
    const isUsedUp = settings.retry.maxAttempts > 0 && attempt > settings.retry.maxAttempts
    hand.add(here, clock.monotonicMs())
    if (!isUsedUp && !this.#endings.isOver(arrival)) return
    hand.end(here)
    this.#track(this.#endings.buryUndelivered(here, isUsedUp ? 'max-attempts' : 'expired'))
  }

  async #giveBack(here: Here, isUntried: boolean, dueAtMs = 0): Promise<void> {
    const { hand, notes, foreign } = this.#at
    const { position } = here.arrival
    hand.forget(position)
    notes.set(position, { skew: here.skew + (isUntried ? 1 : 0), dueAtMs, history: here.history, isGivenBack: true })
    await foreign.giveBack(position, Math.max(0, dueAtMs - wallMs(this.#at)))
  }

  // Another order: what is here is dealt anew, but for what is on lease.
  #deal(settings: QueueSettings): void {
    const { hand, clock } = this.#at
    const now = clock.monotonicMs()
    const anew = (this.#at.hand = new Hand(settings.ordering, false))
    const [busy, others] = [[...hand.all()].filter(isBusy), [...hand.all()].filter((here) => !isBusy(here))]
    // What is being settled is as good as gone: of a session its head is the one that is on lease.
    for (const here of busy.toSorted((a, b) => Number(a.phase === 'ending') - Number(b.phase === 'ending') || a.sinceMs - b.sinceMs)) anew.adopt(here)
    for (const here of others.toSorted((a, b) => a.arrival.position - b.arrival.position)) anew.add(here, now)
  }

  async #settled(work: readonly Promise<void>[], lost: readonly number[], done: ((outcome: SettleOutcome) => void) | undefined): Promise<void> {
    const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
    done?.(failed === undefined ? { lost } : { lost: [], error: BrokerError.from(failed.reason) })
    this.#pump()
  }

  async #finish(acked: readonly Here[]): Promise<void> {
    const at = this.#at
    try {
      await at.foreign.finish(acked.map(({ arrival }) => arrival.position))
    } catch (error) {
      for (const here of acked) at.hand.lease(here, at.clock.monotonicMs())
      throw error
    }
    for (const { arrival } of acked) at.hand.remove(arrival.position, at.clock.monotonicMs())
  }

  #track(work: Promise<unknown>): void {
    const tracked: Promise<void> = work.then(() => {}, () => {}).finally(() => this.#work.delete(tracked))
    this.#work.add(tracked)
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return
    this.#isPumpDue = true
    queueMicrotask(() => this.#pump())
  }

  #pump(): void {
    this.#isPumpDue = false
    if (this.#isClosing) return
    const { hand, clock, settings, listener, foreign, notes } = this.#at
    const batch: Here[] = []
    const mayLease = notes.isPaused || clock.monotonicMs() < this.#leasesFromMs ? 0 : settings.maxAckPending
    while (this.#balance > 0 && hand.busyCount < mayLease) {
      const here = hand.take(clock.monotonicMs())
      if (here === undefined) break
      if (this.#endings.isOver(here.arrival)) {
        hand.end(here)
        this.#track(this.#endings.buryUndelivered(here, 'expired'))
        continue
      }
      this.#balance--
      batch.push(here)
    }
    if (batch.length > 0) listener.leased(batch.map((here) => ({ position: here.arrival.position, attempt: attemptOf(here), frame: here.arrival.frame })))
    const room = Math.min(this.#balance, mayLease - hand.busyCount, MAX_HELD - hand.heldCount)
    foreign.want(Math.max(0, room - hand.readyCount))
    this.#arm()
  }

  // Never earlier than asked: what is looked at a millisecond too soon is looked at twice.
  #arm(): void {
    if (this.#isClosing) return
    const { clock, hand, settings } = this.#at
    const now = clock.monotonicMs()
    if (this.#at.notes.happened !== this.#noted) this.#noteAtMs = Math.min(this.#noteAtMs, now + NOTE_EVERY_MS)
    const idleMs = hand.readyCount > 0 && this.#balance <= 0 ? now + IDLE_MS : Infinity
    const extendMs = hand.size > 0 ? this.#extendAtMs : Infinity
    const next = Math.min(hand.firstLeaseMs + settings.ackWaitMs, hand.nextTimeoutMs, now + this.#upkeep.nextMs - wallMs(this.#at), extendMs, this.#noteAtMs, idleMs, this.#leasesFromMs > now ? this.#leasesFromMs : Infinity)
    if (next >= this.#timerAtMs || next === Infinity) return
    this.#cancelTimer?.()
    this.#timerAtMs = next
    this.#cancelTimer = clock.after(Math.min(2 ** 31 - 1, Math.max(1, Math.ceil(next - now))), () => {
      this.#timerAtMs = Infinity
      this.#tick()
    })
  }

  #tick(): void {
    const { clock, hand, settings, foreign } = this.#at
    const now = clock.monotonicMs()
    for (let here = hand.overdue(now - settings.ackWaitMs); here !== undefined; here = hand.overdue(now - settings.ackWaitMs)) {
      hand.end(here)
      this.#track(this.#endings.fail(here, 'ack wait over').then(() => this.#pump()))
    }
    hand.timeOut(now)
    if (this.#upkeep.nextMs <= wallMs(this.#at)) this.#track(this.#upkeep.work().then(() => this.#pump()))
    if (this.#extendAtMs <= now) {
      this.#extendAtMs = now + foreign.extendEveryMs
      foreign.extend([...hand.all()].map(({ arrival }) => arrival.position))
    }
    if (this.#noteAtMs <= now) this.#note()
    // An ordered queue keeps them: while one is elsewhere, others of its session would overtake it.
    if (this.#balance <= 0 && !hand.isOrdered) for (const here of hand.all()) if (here.phase === 'ready' && now - here.sinceMs >= IDLE_MS) this.#track(this.#giveBack(here, true))
    this.#pump()
  }

  #note(): void {
    this.#noteAtMs = Infinity
    this.#noted = this.#at.notes.happened
    this.#track(this.#at.foreign.note(this.#at.notes.write()))
  }
}
