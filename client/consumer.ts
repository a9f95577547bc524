// One consumer of a queue, as its user sees it: who gets the messages, how many are asked for, and how it ends.

import { BrokerError } from '../broker/ground/errors.ts'
import { deferred } from './deferred.ts'
import { Handlers } from './handlers.ts'
import { atLeastOne, Holder, type HolderParts } from './holder.ts'
import type { Lease } from './lease.ts'
import { MessageQueue } from './message-queue.ts'
import { Prefetch } from './prefetch.ts'
import type { QueuedMessage } from './queued-message.ts'

export interface ConsumeOptions<T = unknown> {
  /**
   * Called for each message, instead of the iterator. When it returns, or its promise resolves, the message is acked; what it throws or rejects with is
   * the reason of a nak, and goes to the client's `error` event besides. What it settled itself stays as it said.
   */
  readonly onMessage?: (message: QueuedMessage<T>) => void | Promise<void>
  /** How many of them run at a time. default 1: one after another, in the order in which they come */
  readonly concurrency?: number
  /** Most messages that are on lease to this consumer or asked for. How many of them wait unread adapts to how fast they are handled. default 256, 1..1000000 */
  readonly maxInFlight?: number
  /** true: a handler that returns says nothing; the application settles. The iterator's messages are always settled by who reads them. default false */
  readonly manual?: boolean
  /**
   * Tells the broker now and then that messages are still worked on: those that wait here, and those whose handler has not returned, however long it
   * takes. What an iterator or a handler handed out is extended by `working()` alone. default true
   */
  readonly autoExtend?: boolean
  /** Stops the consumer when it aborts. */
  readonly signal?: AbortSignal
}

const DEFAULT_MAX_IN_FLIGHT = 256

export class Consumer<T = unknown> implements AsyncIterable<QueuedMessage<T>, undefined> {
  readonly queue: string
  readonly #holder: Holder
  readonly #parts: HolderParts
  readonly #unread = new MessageQueue<[QueuedMessage, Lease]>()
  readonly #handlers: Handlers | undefined
  readonly #maxInFlight: number
  readonly #prefetch: Prefetch
  readonly #ready = deferred<void>()
  #waitedMs = 0
  #isActive = true
  #isStopped = false
  #forgetSignal: () => void = () => {}

  /** @throws BrokerError `queue.consumer` */
  constructor(queue: string, options: ConsumeOptions, parts: HolderParts) {
    this.queue = queue
    this.#parts = parts
    const { onMessage, manual = false, autoExtend = true, signal } = options
    const concurrency = atLeastOne('concurrency', options.concurrency ?? 1)
    this.#maxInFlight = atLeastOne('maxInFlight', options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT)
    this.#prefetch = new Prefetch(concurrency, this.#maxInFlight)
    if (onMessage !== undefined) {
      this.#handlers = new Handlers({ onMessage, concurrency, isManual: manual }, { take: () => this.#take(), tracing: parts.tracing, problem: parts.problem })
    }
    this.#holder = new Holder(
      queue,
      autoExtend,
      {
        received: (message, lease) => this.#received(message, lease),
        confirmed: () => this.#ready.resolve(),
        refused: error => parts.problem(error),
        ended: error => this.#ended(error),
        abandoned: () => this.#unread.clear(),
        turn: () => this.#topUp(),
      },
      parts,
    )
    // Whoever does not wait for it learns of a refusal by the iterator and the client's error event.
    this.#ready.promise.catch(() => {})
    if (signal !== undefined) this.#followSignal(signal)
  }

  /** What the client knows it by. */
  get holder(): Holder {
    return this.#holder
  }

  /** Resolves when the broker has confirmed the consumer, rejects when it refused, or with `client.aborted` when it was stopped before that. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get isActive(): boolean {
    return this.#isActive
  }

  /** Messages that came and that nobody has begun. */
  get unread(): number {
    return this.#unread.size
  }

  /** Messages that are on lease here and not settled. */
  get inFlight(): number {
    return this.#holder.held
  }

  /** Leaving the loop stops the consumer; what was read and not settled stays on lease. */
  [Symbol.asyncIterator](): AsyncIterator<QueuedMessage<T>, undefined> {
    return {
      next: async () => {
        for (;;) {
          const { done, value } = await this.#unread.next()
          if (done === true) return { done, value }
          if (this.#begin(value, 'given')) return { done: false, value: value[0] as QueuedMessage<T> }
        }
      },
      return: async () => {
        await this.stop()
        return { done: true, value: undefined }
      },
    }
  }

  /**
   * Ends it in order: no more messages are asked for; those that came are handled, or read. Resolves when they were, and the broker has confirmed
   * what was settled; so a handler must not wait for it.
   */
  async drain(): Promise<void> {
    this.#deactivate()
    await this.#detach()
    this.#unread.end()
    await this.#unread.finished
    await this.#handlers?.idle()
    await this.#holder.settled()
  }

  /**
   * Ends it now: what came and was not begun goes back to the queue at once, its attempt not counted. Handlers that run are not waited for and may still
   * settle. Resolves when the broker has confirmed.
   */
  async stop(): Promise<void> {
    this.#deactivate()
    this.#isStopped = true
    this.#releaseUnread()
    await this.#detach()
    this.#unread.drop()
    await this.#holder.settled()
  }

  /** Stops, and waits for the handlers that run. */
  async close(): Promise<void> {
    await this.stop()
    await this.#handlers?.idle()
    await this.#holder.settled()
  }

  async #detach(): Promise<void> {
    await this.#holder.detach()
    // Confirmed before that, or never.
    this.#ready.reject(new BrokerError('client.aborted'))
  }

  #received(message: QueuedMessage, lease: Lease): void {
    if (this.#isStopped) return this.#holder.release(lease)
    this.#unread.push([message, lease])
    if (this.#handlers !== undefined) this.#handlers.begin()
  }

  /** The next message for a handler. */
  #take(): [QueuedMessage, Lease] | undefined {
    for (let next = this.#unread.take(); next !== undefined; next = this.#unread.take()) if (this.#begin(next, 'handled')) return next
    return undefined
  }

  // False: its lease was lost while it waited, and somebody else has it.
  #begin([, lease]: [QueuedMessage, Lease], place: 'given' | 'handled'): boolean {
    this.#holder.later()
    this.#waitedMs = this.#holder.nowMs() - lease.sinceMs
    lease.place = place
    return lease.state === 'held'
  }

  // At the end of a turn: behind what was settled in it, and once for all that was read.
  #topUp(): void {
    const { credit, held } = this.#holder
    const waiting = credit + this.#unread.size
    const room = Math.min(this.#maxInFlight - held - credit, this.#prefetch.size - waiting)
    // By quarters: asking for each message alone costs a frame a message. But nobody sits idle for it, and the broker, which gives out half of a window at a
    // time, knows of the one before the other is used up.
    if (room <= 0 || (waiting > 0 && room * 4 < this.#prefetch.size)) return
    this.#prefetch.judge(this.#waitedMs)
    this.#holder.pull(room)
  }

  #releaseUnread(): void {
    for (let next = this.#unread.take(); next !== undefined; next = this.#unread.take()) this.#holder.release(next[1])
  }

  #ended(error: BrokerError | undefined): void {
    this.#deactivate()
    this.#ready.reject(error ?? new BrokerError('client.closed'))
    this.#unread.end(error)
  }

  #deactivate(): void {
    this.#isActive = false
    this.#forgetSignal()
  }

  #followSignal(signal: AbortSignal): void {
    const stop = (): void => {
      this.stop().catch((error: unknown) => this.#parts.problem(BrokerError.from(error)))
    }
    if (signal.aborted) queueMicrotask(stop)
    else {
      signal.addEventListener('abort', stop)
      this.#forgetSignal = () => signal.removeEventListener('abort', stop)
    }
  }
}
