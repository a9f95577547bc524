// A received message as the application sees it. Decodes its payload when asked, and answers through its open request.

import type { ErrorCode } from '../broker/ground/errors.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { decodePayload } from '../broker/ground/payload.ts'
import type { PayloadType } from '../broker/ground/payload-type.ts'
import type { Frame, Headers } from '../broker/wire/frame.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Welcome } from './handshake.ts'
import type { AnswerOptions, OpenRequest } from './open-request.ts'

const kinds: Readonly<Record<number, Message['kind']>> = { [Kind.publish]: 'publish', [Kind.grouped]: 'publish', [Kind.leased]: 'publish', [Kind.request]: 'request', [Kind.leasedRequest]: 'request' }
const NEVER = new AbortController().signal

/** `T` is what the receiver expects of `value`; nothing checks it. */
export class Message<T = unknown> {
  readonly subject: string
  /** As they came; do not write into them. */
  readonly payload: Uint8Array
  readonly payloadType: PayloadType
  readonly headers: Headers | undefined
  /** Number of the connection that sent it, 0 for the broker. */
  readonly origin: number
  /** The sender's number on its connection. */
  readonly id: number
  /** When the broker received it. microseconds since the epoch */
  readonly time: number
  /** What the sender did with it. */
  readonly kind: 'publish' | 'request' | 'answer'
  /** True for the one answer of a request and the last one of a stream; false for the parts before. */
  readonly isLast: boolean
  /** In `requestMany`: why this responder gave no answer. */
  readonly error: BrokerError | undefined
  readonly #welcome: Welcome
  readonly #request: OpenRequest | undefined
  /** Its payload is still compressed: it could not be decompressed. */
  readonly #isUnreadable: boolean
  #value: T | undefined
  #isDecoded = false

  constructor(frame: Frame, welcome: Welcome, request?: OpenRequest) {
    this.subject = frame.subject
    this.payload = frame.payload
    this.payloadType = (frame.flags & Flag.payloadType) as PayloadType
    this.headers = frame.headers
    this.origin = frame.origin
    this.id = frame.id
    this.time = frame.time
    this.kind = kinds[frame.kind] ?? 'answer'
    this.isLast = frame.kind !== Kind.part
    this.error = frame.kind === Kind.error ? errorOf(frame) : undefined
    this.#isUnreadable = (frame.flags & Flag.compressed) !== 0
    this.#welcome = welcome
    this.#request = request
  }

  /**
   * The decoded payload; decoded once, when first asked for.
   * @throws BrokerError `payload.malformed`
   */
  get value(): T {
    if (this.#isUnreadable) throw new BrokerError('payload.malformed', { kind: 'zstd', problem: 'the sender compressed it, and it cannot be decompressed' })
    if (!this.#isDecoded) {
      this.#value = decodePayload(this.payloadType, this.payload) as T
      this.#isDecoded = true
    }
    return this.#value as T
  }

  /** `broker.incarnation.origin.id`: the same text for everyone who received it, and for `callboard ipc trace`. */
  get textId(): string {
    return `${this.#welcome.broker}.${this.#welcome.incarnation}.${this.origin}.${this.id}`
  }

  /** True while an answer is wanted from this client. */
  get isReplyable(): boolean {
    return this.#request?.isOpen === true
  }

  /** Aborts when nobody wants the answer any more: cancelled, out of time, or disconnected. Never, for a message that is no request. */
  get signal(): AbortSignal {
    return this.#request?.signal ?? NEVER
  }

  /**
   * Answers the request, which ends it. Resolves when the connection takes more.
   * @throws BrokerError `request.not_open` when it was answered, cancelled or out of time, or is no request
   */
  async respond(value?: unknown, options?: AnswerOptions): Promise<void> {
    await this.#open().answer(Kind.response, value, options)
  }

  /**
   * Sends one of several answers; `respond` or `fail` ends them.
   * @throws BrokerError `request.not_open`
   */
  async part(value: unknown, options?: AnswerOptions): Promise<void> {
    await this.#open().answer(Kind.part, value, options)
  }

  /**
   * Ends the request with an error. The requester's promise rejects with it; a code of the application's own arrives as
   * `request.failed` with that code in `details.code`.
   * @throws BrokerError `request.not_open`
   */
  async fail(failure: ErrorCode | Error | (string & {}), message?: string): Promise<void> {
    await this.#open().fail(failure, message)
  }

  #open(): OpenRequest {
    if (this.#request === undefined) throw new BrokerError('request.not_open', { ref: this.id, to: this.origin })
    return this.#request
  }
}
