// A queue as a receiver: what is delivered to it is appended to its store. Knows the contract of stores and the ground, no
// connections and no frames; who gets what is kept is its consumers'.
//
//   route ─▶ deliver(slice) ─▶ PendingAppend ─▶ StoredQueue.append ─▶ (group commit) ─▶ PendingAppend.stored ─▶ account, fate, history, receipt
//                                       StoredQueue ─▶ leased ─▶ consumers

import { BrokerError } from '../ground/errors.ts'
import type { DropReason } from '../ground/fate.ts'
import type { Account, Slice } from '../ground/slice.ts'
import type { Leased, QueueEvent, QueueListener, QueueStore, StoreBackend, StoredQueue } from '../ground/store.ts'
import { durabilities, type Durability, type QueueSettings } from '../ground/store-settings.ts'
import type { Log } from '../ground/types.ts'
import { Consumers, type LeaseObserver } from './consumers.ts'
import { PendingAppend, type AppendOwner } from './pending-append.ts'
import type { StoreLoad } from './store-load.ts'

/** What is remembered of messages in queues, for `trace`. */
export interface QueueNotes {
  kept(queue: number, origin: number, id: number, position: number, count: number, isDuplicate: boolean): void
  happened(queue: number, event: QueueEvent): void
}

/** Whoever follows what becomes of the messages of one queue. */
export interface QueueObserver extends LeaseObserver {
  /** Message `id` of `origin` stands at `position`; told while somebody waits for an answer by way of this queue, of what may be the request. */
  kept(origin: number, id: number, position: number): void
}

/** What all queues of a broker have in common. */
export interface QueueHost {
  readonly backend: StoreBackend
  readonly log: Log
  readonly load: StoreLoad
  readonly notes: QueueNotes
  /** Where the frame ends that begins at `start`. */
  frameEnd(bytes: Uint8Array, start: number): number
  /** A run that was recorded was not kept. */
  dropped(run: number, queue: number, reason: DropReason, count: number): void
}

export class Queue implements QueueListener, AppendOwner {
  readonly name: string
  /** Of the connections' kind, so that recorder and trace know it as a receiver. */
  readonly number: number
  readonly answersFrames = false
  // As a party of requests: while a request stands in a queue, the queue is who may still answer it.
  readonly openRequests = undefined
  awaitedAnswers = 0
  settings: QueueSettings
  /** undefined: the store is not there, appends are refused. */
  stored: StoredQueue | undefined
  /** Why the store cannot do its work; undefined: it can. */
  problem: BrokerError | undefined
  /** Its channel does not run: it is not to be opened. */
  isClosed = false
  /** The delivery side, the same for as long as the queue is there. */
  readonly consumers: Consumers
  /** Of its channel. */
  readonly account: Account
  readonly #host: QueueHost
  readonly #observer: QueueObserver
  /** What the store can give. */
  #strongest: Durability = 'fsync'
  /** Appends that the store has not answered. */
  readonly #waiting = new Set<PendingAppend>()
  /** Told when the store has answered all of them. */
  #whenEmptied: (() => void)[] = []
  /** What the store gives, from when it is asked for it; undefined: it was not, or that does not count any more. */
  #opening: Promise<StoredQueue> | undefined
  /** Nothing more is taken, for this reason. */
  #sealed: BrokerError | undefined
  /** Code of the last refusal that was logged, until something is stored again. */
  #logged: string | undefined

  /** `observerOf` gives whoever follows what becomes of its messages on lease. */
  constructor(name: string, number: number, settings: QueueSettings, account: Account, host: QueueHost, observerOf: (queue: Queue) => QueueObserver) {
    this.name = name
    this.number = number
    this.settings = settings
    this.account = account
    this.#host = host
    this.#observer = observerOf(this)
    this.consumers = new Consumers(this.#observer)
  }

  /** What the store has of it, for whoever needs it at once. @throws BrokerError `store.*`: why the store is not there */
  get present(): StoredQueue {
    if (this.stored === undefined) throw this.#away()
    return this.stored
  }

  /** Messages that wait for the store. */
  get waiting(): number {
    let count = 0
    for (const append of this.#waiting) count += append.count
    return count
  }

  /** The recorded run waits for the store. Walks all that do: for people who ask. */
  awaits(run: number): boolean {
    for (const append of this.#waiting) if (append.run === run) return true
    return false
  }

  /**
   * Opens its part of a store.
   * @throws BrokerError `store.*`
   */
  async attach(store: QueueStore): Promise<void> {
    // The store may tell of trouble while it opens.
    this.problem = undefined
    this.isClosed = false
    this.#strongest = store.features.durability
    const opening = store.open(this.name, this.settings, this)
    this.#opening = opening
    const stored = await opening
    if (this.#opening !== opening) return
    this.stored = stored
    this.consumers.open(stored)
  }

  /** The store is gone: it refuses until it is attached again. */
  detach(problem: BrokerError): void {
    this.problem = problem
    this.#opening = undefined
    if (this.stored === undefined) return
    this.consumers.close()
    this.stored = undefined
  }

  /** Refuses from now on. Resolves when what was accepted is stored or refused, and the store's side is closed. It may be attached again. */
  async close(problem: BrokerError): Promise<void> {
    this.isClosed = true
    const { stored } = this
    const opening = this.#opening
    this.detach(problem)
    await (stored ?? (await opening?.catch(() => undefined)))?.close()
  }

  /** Takes nothing more until it is unsealed. Resolves when what was accepted is stored or refused. */
  seal(reason: BrokerError): Promise<void> {
    this.#sealed = reason
    return this.emptied()
  }

  /** Resolves when the store has answered all that was accepted. */
  emptied(): Promise<void> {
    return this.#waiting.size === 0 ? Promise.resolve() : new Promise((resolve) => void this.#whenEmptied.push(resolve))
  }

  unseal(): void {
    this.#sealed = undefined
  }

  /** Whose order a message keeps that names `session`, or none, and was sent by `client`. */
  sessionOf(session: string | undefined, client: string): string | undefined {
    const { enabled, guarantee } = this.settings.ordering
    return session ?? (enabled && guarantee === 'per_session' ? client : undefined)
  }

  // Sink

  deliver(slice: Slice): boolean {
    const intake = slice.intake!
    const { bytes, start, end, count } = slice.foreign === undefined ? slice : slice.foreign.native(slice)
    const durability = intake.durability ?? this.settings.durability
    const session = this.sessionOf(intake.session, intake.client)
    if (count === 1 || session === undefined) this.#append(new PendingAppend(this, slice, intake, bytes, start, end, count, intake.firstId, session, durability))
    else {
      // What belongs to a session is stored message by message.
      let id = intake.firstId
      for (let at = start; at < end; ) {
        const next = this.#host.frameEnd(bytes, at)
        this.#append(new PendingAppend(this, slice, intake, bytes, at, next, 1, id++, session, durability))
        at = next
      }
    }
    return !this.#host.load.isHigh
  }

  #append(append: PendingAppend): void {
    this.#waiting.add(append)
    this.#host.load.add(append.sizeBytes, append.count)
    const problem = this.#sealed ?? (this.stored === undefined ? this.#away() : this.#tooStrong(append.intake.durability))
    // Later, as a store would: the delivery is not over yet.
    if (problem !== undefined) queueMicrotask(() => append.refused(append.count, problem))
    else this.stored!.append(append)
    append.copied()
  }

  // A store that cannot keep a message as durably as it asks must not confirm it. One in memory keeps nothing, and says so.
  #tooStrong(asked: Durability | undefined): BrokerError | undefined {
    if (asked === undefined || strength(asked) <= Math.max(strength(this.settings.durability), strength(this.#strongest)) || this.#host.backend === 'memory') return undefined
    return new BrokerError('store.durability', { queue: this.name, asked, backend: this.#host.backend, given: this.#strongest, problem: 'the message asks for more' })
  }

  #away(): BrokerError {
    return this.problem ?? new BrokerError('store.unavailable', { backend: this.#host.backend, problem: 'it is not open' })
  }

  // AppendOwner

  kept({ intake: { origin } }: PendingAppend, id: number, position: number, count: number, isDuplicate: boolean): void {
    this.#logged = undefined
    this.#host.notes.kept(this.number, origin, id, position, count, isDuplicate)
    // A repeat has nothing there: its first one has.
    if (this.awaitedAnswers > 0 && count === 1 && !isDuplicate) this.#observer.kept(origin, id, position)
  }

  lost(append: PendingAppend, count: number, reason: DropReason): void {
    if (append.run >= 0) this.#host.dropped(append.run, this.number, reason, count)
  }

  /** Its publisher is told; the operator, when it begins. */
  refusing(error: BrokerError): void {
    if (this.#logged === error.code) return
    this.#logged = error.code
    this.#host.log.warn({ queue: this.name, code: error.code }, `messages are refused: ${error.message}`)
  }

  told(append: PendingAppend): void {
    this.#waiting.delete(append)
    this.#host.load.done(append.sizeBytes, append.count)
    if (this.#waiting.size === 0) {
      for (const tell of this.#whenEmptied) tell()
      this.#whenEmptied = []
    }
  }

  // QueueListener

  leased(messages: readonly Leased[]): void {
    this.consumers.leased(messages)
  }

  happened(events: readonly QueueEvent[]): void {
    for (const event of events) this.#host.notes.happened(this.number, event)
    this.consumers.happened(events)
  }

  stateChanged(problem: BrokerError | undefined): void {
    this.problem = problem
    // The store says so itself, once for all its queues.
    this.#host.log.debug({ queue: this.name, code: problem?.code }, problem?.message ?? 'the queue works again')
  }
}

function strength(durability: Durability): number {
  return durabilities.indexOf(durability)
}
