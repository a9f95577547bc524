// One subscription of a NATS connection: what is delivered to it leaves as MSG with its sid.

import type { Slice, Subscriber } from '../../broker/ground/slice.ts'

/** What a subscription must know of its connection. */
export interface NatsReceiver {
  readonly number: number
  readonly echo: boolean
  readonly client: string
  readonly isHigh: boolean
  readonly outbound: { deliver(slice: Slice): boolean }
  mayReceive(subject: readonly string[]): boolean
}

/** Makes what a subscription gets. */
export interface MessageWriter {
  messages(slice: Slice, sink: NatsSink): Slice
  /** Bytes of headers and payloads. */
  sizeOf(slice: Slice): number
}

/** Told when a subscription has had as many messages as it wanted. */
export interface SinkOwner {
  /** It takes headers. */
  readonly readsHeaders: boolean
  /** Bytes of headers and payloads that its subscriptions got. */
  deliveredBytes: number
  finished(sink: NatsSink): void
}

const utf8 = new TextEncoder()

export class NatsSink implements Subscriber {
  readonly answersFrames = false
  /** Of the connection. */
  readonly number: number
  /** Of the subscription within the broker. */
  readonly subscription: number
  readonly sid: string
  readonly sidBytes: Uint8Array
  readonly tokens: readonly string[]
  /** Messages delivered to it. */
  delivered = 0
  /** Ends with so many delivered. */
  max = Infinity
  readonly #receiver: NatsReceiver
  readonly #owner: SinkOwner
  readonly #writer: MessageWriter

  constructor(receiver: NatsReceiver, owner: SinkOwner, writer: MessageWriter, subscription: number, sid: string, tokens: readonly string[]) {
    this.#receiver = receiver
    this.#owner = owner
    this.#writer = writer
    this.number = receiver.number
    this.subscription = subscription
    this.sid = sid
    this.sidBytes = utf8.encode(sid)
    this.tokens = tokens
  }

  get echo(): boolean {
    return this.#receiver.echo
  }

  get client(): string {
    return this.#receiver.client
  }

  get isHigh(): boolean {
    return this.#receiver.isHigh
  }

  get isCounting(): boolean {
    return this.max !== Infinity
  }

  get wants(): boolean {
    return this.delivered < this.max
  }

  get readsHeaders(): boolean {
    return this.#owner.readsHeaders
  }

  mayReceive(subject: readonly string[]): boolean {
    return this.#receiver.mayReceive(subject)
  }

  revoked(): void {
    this.#owner.finished(this)
  }

  deliver(slice: Slice): boolean {
    const isTaken = this.#receiver.outbound.deliver(this.#writer.messages(slice, this))
    this.delivered += slice.count
    this.#owner.deliveredBytes += this.#writer.sizeOf(slice)
    if (this.delivered >= this.max) this.#owner.finished(this)
    return isTaken
  }
}
