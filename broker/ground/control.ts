// How dialects and the pipeline speak of frames: control messages as data, messages as canonical bytes.

import type { ServiceWish } from './registry.ts'
import type { BrokerError } from './errors.ts'
import type { ForeignForm, Slice, Subscriber } from './slice.ts'

/** A control frame from a client, decoded, whatever its dialect. */
export interface ControlMessage {
  readonly kind: number
  /** 0 where the dialect has none. */
  readonly id: number
  readonly ref: number
  readonly body: unknown
}

/** A frame of the broker's own: an answer, a refusal, a control frame. */
export interface BrokerMessage {
  readonly kind: number
  readonly flags?: number
  readonly to?: number
  readonly ref?: number
  readonly subject?: string
  /** Encoded as MessagePack or JSON, as the dialect has it. */
  readonly body?: unknown
  /** Instead of a body: bytes of the payload type in `flags`. */
  readonly payload?: Uint8Array
  /** Where the client takes the answer, when it named a subject for it. */
  readonly replyTo?: string
}

/** What the sender of a message, which named a subject for answers, is told when a queue has it, or has not: payloads of its protocol. */
export interface StoreAnswers {
  stored(queue: string, position: number, isDuplicate: boolean): Uint8Array
  dropped(queue: string): Uint8Array
  refused(queue: string, error: BrokerError): Uint8Array
}

/** `count` messages of one subject in a form of the dialect's own: `bytes[start..end)`, the subject at `bytes[subjectStart..subjectEnd)`. */
export interface ForeignMessages extends ForeignForm {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly count: number
  readonly subjectStart: number
  readonly subjectEnd: number
  /** When they came. µs since the epoch */
  readonly timeMicros: number
  /** Set when they are taken: who sent them, and the number of the first. */
  origin: number
  firstId: number
  /** Above 0: natives among the receivers may answer for so long, so `native` makes a request of it. Set before the first form is made. ms */
  answerMs: number
  /** Set likewise: a queue answers on the reply subject, so that it means nothing to whoever gets the message. */
  isQueued: boolean
  /** Where answers to it are to be published; undefined: none are wanted. With one, `count` is 1. */
  readonly reply: string | undefined
  /** Of its one message, without headers. */
  readonly payloadBytes: number
  /** Those of their headers that mean something to the broker, as native messages have them; then `count` is 1. */
  headers(): Readonly<Record<string, unknown>> | undefined
  /** What they ask of the queue that they go to, likewise; its own words for it. @throws BrokerError `queue.bad_option` */
  queueHeaders(queue: string): Readonly<Record<string, unknown>> | undefined
  readonly storeAnswers: StoreAnswers
  /** What they ask of the choice among the instances of a name, likewise. */
  wish(): ServiceWish
  /** Its messages as answers to the native request `ref` of `to`: canonical frames, one each. */
  answers(to: number, ref: number): readonly Uint8Array[]
}

/** A subscription of a connection whose protocol delivers to subscriptions. */
export interface OwnSubscription {
  /** 1..2^31-1, the connection's own. */
  readonly number: number
  readonly pattern: string
  readonly group: string | undefined
  /** What is delivered to. */
  readonly subscriber: Subscriber
}

/** Where a dialect hands over what a client sent. `C` is the connection. */
export interface Ingress<C> {
  /**
   * `count` plain publishes in `bytes[start..end)`: canonical, one subject (`bytes[subjectStart..subjectEnd)`), ids
   * from `firstId` on without a gap, stamped with origin and `timeMicros`. `isReceipted`: each asks for a receipt, and for nothing else.
   */
  run(connection: C, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, subjectStart: number, subjectEnd: number, timeMicros: number, isReceipted: boolean): void
  /**
   * Any other message (kinds 1..5): one canonical frame, not stamped yet. `isVerified`: the dialect has checked a
   * signature of its own form.
   */
  message(connection: C, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified?: boolean): void
  /**
   * Messages in a form of the dialect's own. They get the connection's next numbers. Returns how many receivers each has,
   * summed where they differ; -1 when they were refused, which is told by `encode` of an error.
   */
  foreign(connection: C, messages: ForeignMessages): number
  /** @throws BrokerError `pattern.invalid`, `permission.denied`, `subscription.exists`, `subscription.limit` */
  subscribe(connection: C, subscription: OwnSubscription): void
  /** Takes a subscription back. @throws BrokerError `subscription.unknown` */
  unsubscribe(connection: C, number: number): void
  /** A subscription has changed whether it counts its deliveries: see Subscriber.isCounting. */
  recount(connection: C, number: number): void
  control(connection: C, message: ControlMessage): void
  /** A frame that cannot be understood; the connection stays. `ref` is its id, 0 when unknown. */
  refuse(connection: C, ref: number, error: BrokerError): void
  /** The byte stream cannot be understood any more: tell why and end. */
  fail(connection: C, error: BrokerError): void
}

/** One protocol in front of the broker's, for one connection. */
export interface Dialect {
  readonly name: string
  /** Largest frame or line from now on. bytes */
  limit(maxFrameBytes: number): void
  /** `endsMessage`: see LinkHandler. */
  received(chunk: Uint8Array, endsMessage: boolean): void
  /** Bytes of a frame of the broker's own. */
  encode(message: BrokerMessage): Uint8Array
  /** Rewrites messages for this connection's client; undefined where the frame is delivered as it was published. */
  readonly translate: ((slice: Slice) => Slice) | undefined
  /** Bytes of headers and payloads that went by, where the protocol's monitoring counts those; undefined: what went over the link. */
  readonly messageBytes?: { readonly received: number; readonly delivered: number }
  /** A new link begins for the same client: forgets what is unfinished of the old one's input. What the client calls things stays. */
  reset(): void
  /** The connection is gone; called once. */
  closed?(): void
}
