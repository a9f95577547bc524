// A message of a queue, on lease to this client, as the application sees it.

import { BrokerError } from '../broker/ground/errors.ts'
import { encodePayload } from '../broker/ground/payload.ts'
import type { Frame, FrameInit, Headers } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import type { Welcome } from './handshake.ts'
import type { Lease } from './lease.ts'
import { Message } from './message.ts'
import { headersOf } from './message-headers.ts'
import type { PublishOptions } from './operation-options.ts'
import type { SettlementDetails, SettlementVerdict } from './settlement.ts'
import { checkSubject } from './subject-check.ts'

/** The broker's header; who passes headers on would be refused with it. */
const ATTEMPT_HEADER = '$attempt'
/** Longest reason that the broker takes. */
const MAX_REASON_LENGTH = 1024
const MAX_DELAY_MS = 2 ** 31 - 1
/** Most messages that may take the place of one. */
const MAX_FORWARDS = 100

export interface NakOptions {
  /** Delivered again after this time. ms, 0..2^31-1, default: as the queue's retry policy says */
  readonly delayMs?: number
  /** What went wrong, for the dead letter. At most 1024 characters are kept. */
  readonly reason?: string
}

export type ForwardOptions = Pick<PublishOptions, 'headers' | 'mid' | 'ttlMs' | 'json' | 'delayMs' | 'deliverAt' | 'session' | 'sequence' | 'durability'>

/** Who holds the leases. */
export interface LeaseKeeper {
  settle(message: QueuedMessage, lease: Lease, verdict: SettlementVerdict, details?: SettlementDetails): Promise<void>
  /** Headers with the trace to which what is sent now belongs. */
  traced(headers: Headers | undefined): Headers | undefined
}

/** A message that takes the place of another one. */
export interface ForwardedMessage {
  readonly subject: string
  readonly value: unknown
  readonly options?: ForwardOptions
}

/**
 * The methods that settle it resolve when the broker has confirmed that, as durably as the queue keeps things, and reject with `queue.lease_lost` when
 * the message was settled before or is not on lease to this client any more, `connection.lost` when the session ended before the answer (it may or may not
 * be settled), and what the broker refuses with: then it may be settled again, within the queue's ack wait. They need not be awaited: what nobody waits for fails as the client's `error` event.
 */
export class QueuedMessage<T = unknown> extends Message<T> {
  readonly queue: string
  /** Its place in the queue. */
  readonly position: number
  /** 1 for the first delivery. */
  readonly attempt: number
  readonly #lease: Lease
  readonly #keeper: LeaseKeeper

  constructor(frame: Frame, welcome: Welcome, lease: Lease, keeper: LeaseKeeper) {
    super(lease.attempt === 1 ? frame : withoutAttempt(frame), welcome, lease.request)
    this.queue = lease.queue
    this.position = lease.position
    this.attempt = lease.attempt
    this.#lease = lease
    this.#keeper = keeper
  }

  /** Aborts when the lease is lost: the message is, or will be, delivered to somebody else. */
  override get signal(): AbortSignal {
    return this.#lease.signal
  }

  /** Nothing was said of it yet, or that was refused, and as far as this client knows it is still on lease to it. */
  get isHeld(): boolean {
    return this.#lease.state === 'held'
  }

  /** Done: it is gone from the queue. */
  ack(): Promise<void> {
    return this.#keeper.settle(this, this.#lease, 'ack')
  }

  /** Not done: it is delivered again, later, until its attempts are used up. @throws BrokerError `queue.bad_option` at once for a delay that is none */
  nak({ delayMs, reason }: NakOptions = {}): Promise<void> {
    // Refused by the broker it would take all that is said in the same turn along.
    if (delayMs !== undefined && !(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= MAX_DELAY_MS)) throw new BrokerError('queue.bad_option', { problem: `delayMs must be an integer of 0..${MAX_DELAY_MS}, got ${delayMs}` })
    return this.#keeper.settle(this, this.#lease, 'nak', { delayMs, reason: reason?.slice(0, MAX_REASON_LENGTH) })
  }

  /** Never again: it becomes a dead letter. Who waits for an answer to it is told `request.dead_lettered`. */
  term(reason?: string): Promise<void> {
    return this.#keeper.settle(this, this.#lease, 'term', { reason: reason?.slice(0, MAX_REASON_LENGTH) })
  }

  /** Not begun: it goes back to the queue at once, and this attempt does not count. */
  release(): Promise<void> {
    return this.#keeper.settle(this, this.#lease, 'release')
  }

  /** Not done yet: its ack wait begins anew. */
  working(): Promise<void> {
    return this.#keeper.settle(this, this.#lease, 'working')
  }

  /**
   * Done, and these take its place: it is gone and they are published in one step, so that neither happens without the other, whatever breaks. Their subjects
   * must belong to queues of the same store. 1..100 of them.
   * @throws BrokerError at once: `subject.invalid`, `payload.*`, `queue.bad_option`. By the promise besides: `permission.denied`, `queue.full`, `queue.not_a_queue`,
   * `queue.unsupported` where the store cannot
   */
  forward(subject: string, value: unknown, options?: ForwardOptions): Promise<void>
  forward(messages: readonly ForwardedMessage[]): Promise<void>
  forward(to: string | readonly ForwardedMessage[], value?: unknown, options?: ForwardOptions): Promise<void> {
    const messages = typeof to === 'string' ? [{ subject: to, value, ...(options === undefined ? {} : { options }) }] : to
    if (messages.length === 0 || messages.length > MAX_FORWARDS) throw new BrokerError('queue.bad_option', { problem: `1 to ${MAX_FORWARDS} messages may take its place, got ${messages.length}` })
    return this.#keeper.settle(this, this.#lease, 'forward', { frames: messages.map(message => this.#frameOf(message)) })
  }

  #frameOf({ subject, value, options = {} }: ForwardedMessage): FrameInit {
    checkSubject(subject)
    const { type, bytes } = encodePayload(value, options)
    return { kind: Kind.publish, flags: type, subject, headers: this.#keeper.traced(headersOf(options)), payload: bytes }
  }
}

/** The attempt that a leased frame says; it says none for the first. */
export function attemptOf({ headers }: Frame): number {
  return Number(headers?.[ATTEMPT_HEADER] ?? 1)
}

function withoutAttempt(frame: Frame): Frame {
  const { [ATTEMPT_HEADER]: _attempt, ...headers } = frame.headers ?? {}
  return { ...frame, headers: Object.keys(headers).length === 0 ? undefined : headers }
}
