// The client as its user sees it: publish, subscribe, request and the rest, in terms of calls, subscriptions and the
// session. Knows neither sockets nor files.

import type { Clock } from '../broker/ground/clock.ts'
import { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import type { ApiAnswer, ApiMethod, ApiParams } from './api-types.ts'
import { Caller } from './caller.ts'
import { Channels } from './channels.ts'
import type { Consumer, ConsumeOptions } from './consumer.ts'
import { Consumers } from './consumers.ts'
import { controlCall, subscribeCall } from './control-calls.ts'
import { Credit } from './credit.ts'
import { deferred } from './deferred.ts'
import { Emitter } from './emitter.ts'
import type { FetchOptions } from './fetch.ts'
import { Flow } from './flow.ts'
import type { Gap } from './gap.ts'
import type { Welcome } from './handshake.ts'
import { Inbound } from './inbound.ts'
import type { Platform } from './link.ts'
import { Message } from './message.ts'
import { messageFrame } from './message-frame.ts'
import { isRepeatable } from './message-headers.ts'
import { PromiseCall } from './promise-call.ts'
import { Registry } from './registry.ts'
import type { RegisteredInstance, RegisterOptions } from './registered-instance.ts'
import { Publishing } from './publishing.ts'
import type { QueuedMessage } from './queued-message.ts'
import { addressed, subjectOf, type Address } from './service-address.ts'
import { Session, type Opening, type SessionOptions } from './session.ts'
import { StreamCall } from './stream-call.ts'
import { checkSubject } from './subject-check.ts'
import { Subscription, type SubscribeOptions } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import type { ClientTracing } from './tracing.ts'
import type { DeliveryReceipt, PublishOptions, Receipt, RequestOptions, StreamOptions } from './operation-options.ts'

export interface ClientEvents {
  /** The connection is gone; `reconnected` or `closed` follows. */
  disconnected: BrokerError
  reconnected: Welcome
  /** Comes before `reconnected` when the session goes on: nothing was lost but `lost` messages for this client, of which `gap` tells. */
  resumed: { readonly lost: number }
  /** Messages for this client were lost at the broker, before the next one that comes. */
  gap: Gap
  /** Once and last; undefined when this side closed. */
  closed: BrokerError | undefined
  /** What no promise tells: a refused publish without receipt, a refused subscription or consumer, a handler that threw, a settlement that failed and that nobody waited for. */
  error: BrokerError
}

export interface ClientOptions extends SessionOptions {
  /** Time for requests that name none; undefined = what the broker says. ms */
  readonly requestTimeoutMs: number | undefined
  readonly clock: Clock
  /** default: nothing is traced */
  readonly tracing?: ClientTracing | undefined
}

/** Longest that close() waits for what is open. ms */
const DRAIN_MS = 5000
const MAX_TIMEOUT_MS = 2 ** 32 - 1
const API_PREFIX = '$CB.api.'
const ALL_CLIENTS = '$CB.all'

export class Client {
  /** Named streams of the broker. */
  readonly channels: Channels
  /** Who answers under which name. */
  readonly registry: Registry
  /** Resolves when the client is closed for good: undefined when this side closed, else why. Never rejects. */
  readonly closed: Promise<BrokerError | undefined>
  readonly #session: Session
  readonly #events = new Emitter<ClientEvents>()
  readonly #subscriptions = new Subscriptions()
  readonly #consumers: Consumers
  readonly #deadlines: Deadlines
  readonly #inbound: Inbound
  readonly #flow: Flow
  readonly #caller: Caller
  readonly #publishing: Publishing
  readonly #credit: Credit | undefined
  readonly #requestTimeoutMs: number | undefined
  readonly #clock: Clock
  readonly #tracing: ClientTracing | undefined
  readonly #closed = deferred<BrokerError | undefined>()
  #lastSubscription = 0

  constructor(platform: Platform, options: ClientOptions) {
    const problem = (error: BrokerError): void => this.#events.emit('error', error)
    this.#clock = options.clock
    this.#tracing = options.tracing
    this.#deadlines = new Deadlines(options.clock, { onError: error => problem(BrokerError.from(error)) })
    this.#requestTimeoutMs = options.requestTimeoutMs
    this.#credit = options.wishes.flow?.credit === true ? new Credit() : undefined
    this.#session = new Session(platform, options, {
      opened: (welcome, opening) => this.#opened(welcome, opening),
      received: (frame, connection) => this.#inbound.receive(frame, connection),
      lost: error => {
        this.#credit?.pause()
        this.#events.emit('disconnected', error)
      },
      abandoned: error => {
        this.#consumers.abandoned()
        this.#inbound.abandoned(error)
      },
      closed: error => this.#onClosed(error),
    })
    this.#flow = new Flow(isPaused => (isPaused ? this.#session.connection?.pause() : this.#session.connection?.resume()))
    this.#consumers = new Consumers({
      session: this.#session,
      flow: this.#flow,
      deadlines: this.#deadlines,
      clock: options.clock,
      tracing: options.tracing,
      defer: task => platform.defer(task),
      problem,
      nextNumber: () => ++this.#lastSubscription,
    })
    this.#inbound = new Inbound({
      calls: this.#session.calls,
      subscriptions: this.#subscriptions,
      consumers: this.#consumers,
      deadlines: this.#deadlines,
      sendAnswer: frame => this.#session.tell(this.#tracing === undefined ? frame : { ...frame, headers: this.#tracing.answer(frame.headers) }),
      gap: gap => this.#missed(gap),
      credit: (subject, bytes) => this.#credit?.grant(subject, bytes),
      problem,
    })
    this.#caller = new Caller(this.#session, this.#flow, this.#deadlines)
    this.#publishing = new Publishing({ session: this.#session, caller: this.#caller, credit: this.#credit, offlineLimit: options.offlineLimit, timeoutMs: asked => this.#timeoutMs(asked) })
    this.channels = new Channels((method, params) => this.call(method, params))
    this.registry = new Registry({ call: (method, params, more) => this.call(method, params, more), subscribe: (pattern, more) => this.subscribe(pattern, more), on: (event, listener) => this.on(event, listener), problem })
    this.closed = this.#closed.promise
  }

  /** The id by which others reach this client: `$CB.to.client.<id>`. */
  get id(): string {
    return this.welcome.client
  }

  /** What the broker said at the last connection. @throws BrokerError `connection.closed` before the first */
  get welcome(): Welcome {
    const { welcome } = this.#session
    if (welcome === undefined) throw new BrokerError('connection.closed')
    return welcome
  }

  get isConnected(): boolean {
    return this.#session.connection?.isOpen === true
  }

  /** Makes the first connection; `connect()` has done it. */
  open(): Promise<void> {
    return this.#session.open()
  }

  /** Calls `listener` for each such event; the returned function stops that. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Publishes `payload` (see encodePayload) on `subject`. Resolves when the frame was handed to the socket and that takes
   * more, so awaiting it is the back-pressure; with `credit` when the broker allows so much on the subject. While
   * disconnected it waits. In a session that is resumed it arrives once. Otherwise it is never repeated: what was handed
   * over when the connection broke may or may not have arrived. With `receipt` it resolves when the broker has accepted
   * it, and the queue that it goes to has it, or knows what became of it; with `mid` or `idempotent` besides, it is sent again in another session.
   * @throws BrokerError `subject.invalid`, `frame.too_large`, `payload.*`, `client.offline_full`, `client.closed`,
   * `client.aborted`; with `receipt` what the broker refused it with, `connection.lost`, and `request.timeout`
   */
  publish(subject: string, payload: unknown, options: PublishOptions & { readonly receipt: 'delivered' }): Promise<DeliveryReceipt>
  publish(subject: string, payload: unknown, options: PublishOptions & { readonly receipt: true }): Promise<Receipt>
  publish(subject: string, payload: unknown, options?: PublishOptions): Promise<void>
  publish(subject: string, payload: unknown, options: PublishOptions = {}): Promise<Receipt | void> {
    if (this.#tracing === undefined) return this.#publishing.publish(subject, payload, options)
    return this.#tracing.send('publish', subject, options, traced => this.#publishing.publish(subject, payload, traced))
  }

  /**
   * Subscribes; messages come by the iterator or by `onMessage`. Survives a reconnect. Patterns below `$CB.` name what
   * comes unasked: `$CB.to.>` is what is addressed to this client, `$CB.all` what is broadcast.
   * @throws BrokerError `pattern.invalid`, `filter.invalid`, `client.closed`. What the broker refuses comes by `ready`, the iterator and `error`
   */
  subscribe<T = unknown>(pattern: string, options: SubscribeOptions<T> = {}): Subscription<T> {
    if (this.#session.isOver) throw new BrokerError('client.closed')
    const subscription: Subscription = new Subscription(this.#lastSubscription + 1, pattern, options as SubscribeOptions, {
      flow: this.#flow,
      tracing: this.#tracing,
      detach: isInOrder => this.#detach(subscription, isInOrder),
      problem: error => this.#events.emit('error', error),
    })
    this.#lastSubscription++
    this.#subscriptions.add(subscription)
    if (this.isConnected) this.#announce(subscription)
    return subscription as Subscription<T>
  }

  /**
   * Consumes a queue: messages come by the iterator or by `onMessage`, each on lease until it is settled. Survives a reconnect: in another session it is announced
   * again, and what was on lease is delivered again, to whomever.
   * @throws BrokerError `subject.invalid`, `queue.consumer`, `client.closed`. What the broker refuses comes by `ready`, the iterator and `error`
   */
  consume<T = unknown>(queue: string, options: ConsumeOptions<T> = {}): Consumer<T> {
    if (this.#session.isOver) throw new BrokerError('client.closed')
    checkSubject(queue)
    return this.#consumers.consume(queue, options as ConsumeOptions) as Consumer<T>
  }

  /**
   * Takes up to `limit` messages of a queue, as soon as there are so many or the time is up; an empty array when there were none. Each is on lease for the queue's
   * ack wait, which `working()` begins anew.
   * @throws BrokerError `queue.not_a_queue`, `permission.denied`, `queue.timeout` when the broker was away for all of `timeoutMs` and of the time for requests, `client.aborted`, `client.closed`
   */
  async fetch<T = unknown>(queue: string, options: FetchOptions = {}): Promise<QueuedMessage<T>[]> {
    if (this.#session.isOver) throw new BrokerError('client.closed')
    checkSubject(queue)
    return (await this.#consumers.fetch(queue, options, this.#timeoutMs(undefined))) as QueuedMessage<T>[]
  }

  /** As `registry.register`: requests to the name come to this client, or to another of its instances. */
  register<T = unknown>(registration: RegisterOptions<T>): Promise<RegisteredInstance> {
    return this.registry.register(registration)
  }

  /**
   * Asks on a subject, or one of the instances of a name, and gives the answer. Sent again after a disconnect with `mid` or `idempotent`; otherwise it fails then.
   * @throws BrokerError `request.no_responders`, `request.timeout`, `request.responder_gone`, what the responder failed
   * with, `connection.lost`, `client.aborted`, and what publish() throws
   */
  request<T = unknown>(address: Address, payload?: unknown, options: RequestOptions = {}): Promise<Message<T>> {
    if (typeof address !== 'string') return this.request(subjectOf(address), payload, addressed(address, options))
    const subject = address
    if (this.#tracing === undefined) return this.#request<T>(subject, payload, options)
    return this.#tracing.send('request', subject, options, traced => this.#request<T>(subject, payload, traced))
  }

  async #request<T>(subject: string, payload: unknown, options: RequestOptions): Promise<Message<T>> {
    const timeoutMs = this.#timeoutMs(options.timeoutMs)
    const call = new PromiseCall({
      frame: { ...messageFrame(this.#session, Kind.request, subject, payload, options), to: timeoutMs },
      isRepeatable: isRepeatable(options),
      read: frame => (frame.kind === Kind.response ? new Message<T>(frame, this.welcome) : undefined),
    })
    return this.#caller.answer(call, timeoutMs, options.signal)
  }

  /** Asks, and gives the parts of one responder's answer as they come; the last has `isLast`. Errors as request(); never sent again. */
  stream<T = unknown>(address: Address, payload?: unknown, options: StreamOptions = {}): AsyncIterableIterator<Message<T>, undefined> {
    return this.#ask<T>(subjectOf(address), payload, addressed(address, options), false)
  }

  /** Asks everyone, and gives all answers until each responder is done or the time is up; `error` is set on those of responders that failed. */
  requestMany<T = unknown>(subject: string, payload?: unknown, options: StreamOptions = {}): AsyncIterableIterator<Message<T>, undefined> {
    return this.#ask<T>(subject, payload, options, true)
  }

  /** Sends to every connected client but this one, subscribed or not; resolves with their number. */
  broadcast(payload: unknown, options: Omit<PublishOptions, 'receipt'> = {}): Promise<Receipt> {
    return this.publish(ALL_CLIENTS, payload, { ...options, receipt: true })
  }

  /** Calls a method of the broker. @throws BrokerError `method.*`, `permission.denied`, and what request() throws */
  async call<M extends ApiMethod>(method: M, params?: ApiParams<M>, options: RequestOptions = {}): Promise<ApiAnswer<M>> {
    const answer = await this.request<ApiAnswer<M>>(`${API_PREFIX}${method}`, params ?? {}, options)
    return answer.value
  }

  /**
   * Ends in order: no new operations, subscriptions end, what is open gets up to 5 s to finish, then goodbye. Messages
   * that wait for a reconnect fail with `client.closed`. Resolves when closed: what was sent has left by then, unless the broker takes
   * nothing of it for 5 s.
   */
  async close(): Promise<void> {
    await this.#session.close(() => this.#drained())
    await this.closed
  }

  /** Ends now: everything open fails with `client.closed`. */
  destroy(): void {
    this.#session.destroy()
  }

  #ask<T>(subject: string, payload: unknown, options: StreamOptions, isMany: boolean): AsyncIterableIterator<Message<T>, undefined> {
    if (this.#tracing === undefined) return this.#stream<T>(subject, payload, options, isMany)
    return this.#tracing.iterate(subject, options, traced => this.#stream<T>(subject, payload, traced, isMany))
  }

  #stream<T>(subject: string, payload: unknown, options: StreamOptions, isMany: boolean): AsyncIterableIterator<Message<T>, undefined> {
    const timeoutMs = this.#timeoutMs(options.timeoutMs)
    const frame = messageFrame(this.#session, Kind.request, subject, payload, options)
    const call = new StreamCall<T>({
      frame: { ...frame, flags: (frame.flags ?? 0) | (isMany ? Flag.many : 0), to: timeoutMs },
      flow: this.#flow,
      isMany,
      message: answer => new Message<T>(answer, this.welcome),
    })
    return this.#caller.iterate(call, { subject, timeoutMs, signal: options.signal })
  }

  #timeoutMs(asked: number | undefined): number {
    const timeoutMs = asked ?? this.#requestTimeoutMs ?? this.welcome.limits.requestTimeoutMs
    // 0 would say "the broker's default" on the wire, and more than 32 bits would wrap.
    return Math.min(Math.max(1, Math.ceil(timeoutMs)), MAX_TIMEOUT_MS)
  }

  #opened(welcome: Welcome, { isFirst, isResumed }: Opening): void {
    if (this.#flow.isPaused) this.#session.connection?.pause()
    for (const subscription of this.#subscriptions.all()) if (!isResumed || !subscription.isAnnounced) this.#announce(subscription)
    // Another process of the broker: what was on lease is delivered again there.
    const isMoved = isResumed && welcome.moved === true
    if (isMoved) this.#consumers.abandoned()
    this.#consumers.opened()
    if (!isResumed) this.registry.opened()
    this.#credit?.open(isResumed && !isMoved ? undefined : (welcome.limits.creditBytes ?? Infinity))
    if (isResumed) this.#events.emit('resumed', { lost: welcome.lost ?? 0 })
    if (!isFirst) this.#events.emit('reconnected', welcome)
  }

  #missed(gap: Gap): void {
    for (const subscription of this.#subscriptions.all()) subscription.missed(gap)
    this.#events.emit('gap', gap)
  }

  #announce(subscription: Subscription): void {
    subscription.isAnnounced = true
    if (subscription.isLocal) return subscription.confirm()
    this.#session.submit(
      subscribeCall(subscription, error => {
        this.#subscriptions.remove(subscription)
        subscription.end(error)
        this.#events.emit('error', error)
      }),
    )
  }

  async #detach(subscription: Subscription, isInOrder: boolean): Promise<void> {
    if (!isInOrder) this.#subscriptions.remove(subscription)
    const isKnown = !subscription.isLocal && subscription.isAnnounced
    if (isKnown && (this.isConnected || this.#session.isSuspended)) {
      const call = controlCall({ kind: Kind.unsubscribe, ref: subscription.number })
      const isAway = !this.isConnected
      this.#session.submit(call)
      const confirmed = call.promise.catch((error: unknown) => {
        // Without the session there is no subscription either.
        const problem = BrokerError.from(error)
        if (problem.code !== 'connection.lost' && problem.code !== 'client.closed') throw problem
      })
      // Nobody waits for a broker that is away; what it refuses when it is back is told as an event.
      if (isAway) confirmed.catch((error: unknown) => this.#events.emit('error', BrokerError.from(error)))
      else await confirmed
    }
    // In order: what was sent before the broker read the frame still arrives, and is still delivered.
    this.#subscriptions.remove(subscription)
  }

  async #drained(): Promise<void> {
    for (const subscription of this.#subscriptions.all()) subscription.drain().catch(() => {})
    const consumed = this.#consumers.close()
    const limit = deferred<void>()
    const cancel = this.#clock.after(DRAIN_MS, limit.resolve)
    await Promise.race([consumed.then(() => Promise.all([this.#session.calls.idle(), this.#inbound.idle()])), limit.promise])
    cancel()
  }

  #onClosed(error: BrokerError | undefined): void {
    for (const subscription of this.#subscriptions.all()) {
      this.#subscriptions.remove(subscription)
      subscription.end(error)
    }
    this.#consumers.closed(error)
    this.#credit?.close(error ?? new BrokerError('client.closed'))
    this.#deadlines.close()
    this.#closed.resolve(error)
    this.#events.emit('closed', error)
  }
}
