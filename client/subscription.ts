// One subscription of this client: where its messages wait and who reads them. Knows no frames.

import { BrokerError } from '../broker/ground/errors.ts'
import { compileFilter, type Filter } from '../broker/ground/filter.ts'
import { parsePattern } from '../broker/ground/subject.ts'
import { deferred } from './deferred.ts'
import type { Flow } from './flow.ts'
import { gapOf, type Gap } from './gap.ts'
import type { Message } from './message.ts'
import { MessageQueue } from './message-queue.ts'
import type { ClientTracing } from './tracing.ts'

export interface SubscribeOptions<T = unknown> {
  /** Queue group: each message goes to one member of (pattern, group). */
  readonly group?: string
  /** Only messages that pass, such as `type=status && cpu.load>0.9`. */
  readonly filter?: string
  /** Unsubscribes when it aborts. */
  readonly signal?: AbortSignal
  /**
   * Called for each message in order, instead of the iterator. What it throws or rejects with goes to the requester when
   * the message is an unanswered request, else to the client's `error` event.
   */
  readonly onMessage?: (message: Message<T>) => void | Promise<void>
  /** Called where messages that the pattern matches were lost on the way to this client: in order with `onMessage`, and as they arrive with the iterator. */
  readonly onGap?: (gap: Gap) => void
  /** Unread messages, or handlers that have not finished, above which the client stops reading its connection. default 1024, at least 1 */
  readonly bufferLimit?: number
}

/** What a subscription asks of its client. */
export interface SubscriptionOwner {
  readonly flow: Flow
  readonly tracing: ClientTracing | undefined
  /**
   * Tells the broker and takes the subscription out of the client: at once, or `isInOrder`, when the broker has
   * confirmed. Resolves when it has.
   */
  detach(isInOrder: boolean): Promise<void>
  problem(error: BrokerError): void
}

const DEFAULT_BUFFER_LIMIT = 1024
/** First token of the broker's own subjects: they are delivered unasked, so nothing is sent to subscribe to them. */
const LOCAL_TOKEN = '$CB'
/** Changes of the registry and what becomes of agents, below `$CB.registry.` and `$CB.agent.`, do not come unasked. */
const WATCHED_TOKENS: readonly (string | undefined)[] = ['registry', 'agent']

export class Subscription<T = unknown> implements AsyncIterable<Message<T>, undefined> {
  /** The number by which the broker knows it. */
  readonly number: number
  readonly pattern: string
  readonly group: string | undefined
  readonly filter: Filter | undefined
  readonly tokens: readonly string[]
  /** The broker was told of it in this session. */
  isAnnounced = false
  readonly #owner: SubscriptionOwner
  // Inside, messages are of no particular type: so a Subscription<number> is a Subscription<unknown> too.
  readonly #onMessage: SubscribeOptions['onMessage']
  readonly #onGap: SubscribeOptions['onGap']
  readonly #queue = new MessageQueue<Message>()
  readonly #report: (unread: number) => void
  readonly #ready = deferred<void>()
  #running = 0
  #onHandled: (() => void) | undefined
  #forgetSignal: () => void = () => {}
  #isActive = true

  /** @throws BrokerError `pattern.invalid`, `filter.invalid` */
  constructor(number: number, pattern: string, options: SubscribeOptions, owner: SubscriptionOwner) {
    this.number = number
    this.pattern = pattern
    this.group = options.group
    this.tokens = parsePattern(pattern)
    this.filter = options.filter === undefined ? undefined : compileFilter(options.filter)
    if (this.isLocal && options.group !== undefined) throw new BrokerError('pattern.invalid', { pattern, problem: 'the broker\'s own subjects have no queue groups' })
    this.#owner = owner
    this.#onMessage = options.onMessage
    this.#onGap = options.onGap
    this.#report = owner.flow.gauge(options.bufferLimit ?? DEFAULT_BUFFER_LIMIT)
    this.#queue.onChange = () => this.#report(this.#queue.size + this.#running)
    // Whoever does not wait for it learns of a refusal by the iterator and the client's error event.
    this.#ready.promise.catch(() => {})
    const { signal } = options
    if (signal !== undefined) this.#followSignal(signal)
  }

  /** Resolves when the broker has confirmed the subscription, rejects when it refused. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get isActive(): boolean {
    return this.#isActive
  }

  /** True for patterns below `$CB.`: what comes to this client unasked, such as `$CB.to.client.<id>` and `$CB.all`. */
  get isLocal(): boolean {
    return this.tokens[0] === LOCAL_TOKEN && !WATCHED_TOKENS.includes(this.tokens[1])
  }

  /** Messages that were received and not read. */
  get unread(): number {
    return this.#queue.size
  }

  [Symbol.asyncIterator](): AsyncIterator<Message<T>, undefined> {
    return {
      next: () => this.#queue.next() as Promise<IteratorResult<Message<T>, undefined>>,
      return: async () => {
        await this.unsubscribe()
        return { done: true, value: undefined }
      },
    }
  }

  /** Ends it now: what was not read is dropped. Resolves when the broker has confirmed. */
  async unsubscribe(): Promise<void> {
    const confirmed = this.#detach(false)
    this.#queue.drop()
    await confirmed
  }

  /**
   * Ends it in order: no more messages are asked for, what was received is still read. Resolves when it was and all
   * handlers are done; so a handler must not wait for it.
   */
  async drain(): Promise<void> {
    await this.#detach(true)
    this.#queue.end()
    await this.#queue.finished
    if (this.#running > 0) {
      await new Promise<void>(resolve => {
        this.#onHandled = resolve
      })
    }
  }

  /** The broker has confirmed. */
  confirm(): void {
    this.#ready.resolve()
  }

  /** It ends without this side asking: refused, or the client closed. */
  end(error: BrokerError | undefined): void {
    this.#isActive = false
    this.#forgetSignal()
    this.#ready.reject(error ?? new BrokerError('client.closed'))
    this.#queue.end(error)
  }

  deliver(message: Message): void {
    if (this.#onMessage === undefined) this.#queue.push(message)
    else void this.#handle(this.#onMessage, message)
  }

  /** Messages for this client were lost, maybe some of these. */
  missed(gap: Gap): void {
    const own = this.#onGap === undefined ? undefined : gapOf(gap, this.tokens)
    if (own === undefined) return
    try {
      this.#onGap?.(own)
    } catch (error) {
      this.#owner.problem(BrokerError.from(error))
    }
  }

  async #handle(onMessage: (message: Message) => void | Promise<void>, message: Message): Promise<void> {
    this.#report(this.#queue.size + ++this.#running)
    const { tracing } = this.#owner
    if (tracing === undefined) await this.#run(onMessage, message)
    else await tracing.process(message, this.group, failed => this.#run(onMessage, message, failed))
    this.#report(this.#queue.size + --this.#running)
    if (this.#running === 0) this.#onHandled?.()
  }

  async #run(onMessage: (message: Message) => void | Promise<void>, message: Message, failed?: (error: unknown) => void): Promise<void> {
    try {
      await onMessage(message)
    } catch (error) {
      failed?.(error)
      if (message.isReplyable) await message.fail(error instanceof Error ? error : String(error)).catch(() => {})
      else this.#owner.problem(BrokerError.from(error))
    }
  }

  #detach(isInOrder: boolean): Promise<void> {
    if (!this.#isActive) return Promise.resolve()
    this.#isActive = false
    this.#forgetSignal()
    this.#ready.resolve()
    return this.#owner.detach(isInOrder)
  }

  #followSignal(signal: AbortSignal): void {
    const stop = (): void => {
      this.unsubscribe().catch((error: unknown) => this.#owner.problem(BrokerError.from(error)))
    }
    if (signal.aborted) queueMicrotask(stop)
    else {
      signal.addEventListener('abort', stop)
      this.#forgetSignal = () => signal.removeEventListener('abort', stop)
    }
  }
}
