// One queue of an embedded store, as the rest of the broker uses it.

import { BrokerError } from '../../ground/errors.ts'
import type { Append, Durability, Forward, QueueCounts, QueueSettings, Selection, SettleOutcome, Settlement, StoredMessage, StoreBackend, StoredQuery, StoredQueue } from '../../ground/store.ts'
import type { StoreThread } from './store-thread.ts'

export interface QueueParts {
  readonly name: string
  readonly number: number
  readonly isPaused: boolean
  readonly durability: Durability
  readonly backend: StoreBackend
  readonly thread: StoreThread
  /** Number of an open queue by its name; 0: it is not open. */
  readonly numberOf: (name: string) => number
  readonly onClosed: () => void
}

export class EmbeddedQueue implements StoredQueue {
  readonly name: string
  readonly number: number
  readonly #parts: QueueParts
  #isPaused: boolean
  #durability: Durability
  #closing: Promise<void> | undefined

  constructor(parts: QueueParts) {
    this.#parts = parts
    this.name = parts.name
    this.number = parts.number
    this.#isPaused = parts.isPaused
    this.#durability = parts.durability
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  append(append: Append): void {
    if (this.#closing !== undefined) queueMicrotask(() => append.watch.refused(append.count, this.#closed()))
    else this.#parts.thread.append(this.number, append)
  }

  demand(more: number): void {
    if (this.#closing === undefined && more !== 0) this.#parts.thread.demand(this.number, more)
  }

  settle(settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void {
    if (this.#closing !== undefined) done?.({ lost: [], error: this.#closed() })
    else this.#parts.thread.settle(this.number, settlements, this.#durability, done)
  }

  readonly forward = (forward: Forward, done: (outcome: SettleOutcome) => void): void => {
    const { thread, numberOf } = this.#parts
    const missing = forward.to.find(({ queue }) => numberOf(queue) === 0)
    const error = this.#closing !== undefined ? this.#closed() : missing === undefined ? undefined : new BrokerError('channel.not_found', { channel: missing.queue })
    if (error === undefined) return thread.forward(this.number, forward, numberOf, done)
    for (const { append } of forward.to) append.watch.refused(append.count, error)
    done({ lost: [], error })
  }

  counts(): Promise<QueueCounts> {
    return this.#parts.thread.call('counts', { queue: this.number })
  }

  list(query: StoredQuery): Promise<readonly StoredMessage[]> {
    return this.#parts.thread.call('list', { queue: this.number, query })
  }

  replay(which: Selection): Promise<number> {
    return this.#parts.thread.call('replay', { queue: this.number, which })
  }

  purge(which: 'waiting' | 'dead', selection: Selection): Promise<number> {
    return this.#parts.thread.call('purge', { queue: this.number, which, selection })
  }

  async pause(isPaused: boolean): Promise<void> {
    await this.#parts.thread.call('pause', { queue: this.number, isPaused })
    this.#isPaused = isPaused
  }

  async change(settings: QueueSettings): Promise<void> {
    this.#durability = settings.durability
    await this.#parts.thread.call('change', { queue: this.number, settings })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const { thread, onClosed } = this.#parts
    thread.leaseNoMore(this.number)
    // A thread that is gone has closed everything.
    await thread.call('close', { queue: this.number }).catch(() => {})
    thread.unlisten(this.number)
    onClosed()
  }

  #closed(): BrokerError {
    return new BrokerError('store.unavailable', { backend: this.#parts.backend, problem: `queue ${this.name} is closed` })
  }
}
