// A request that this client received and has not answered, and the table of those. Ends by the answer, by the
// requester's cancel, by its deadline, or with the session.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { encodePayload } from '../broker/ground/payload.ts'
import { PayloadType } from '../broker/ground/payload-type.ts'
import type { Frame, FrameInit, Headers } from '../broker/wire/frame.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { failureBody } from './answer-error.ts'

export interface AnswerOptions {
  readonly headers?: Headers
  /** Write JSON instead of MessagePack. */
  readonly json?: boolean
}

/** Sends an answer in the session by which the request came; resolves when the connection takes more. */
export type SendAnswer = (frame: FrameInit) => Promise<void>

export class OpenRequest {
  readonly #frame: Frame
  readonly #sendAnswer: SendAnswer
  readonly #onEnd: () => void
  #abort: AbortController | undefined
  #reason: BrokerError | undefined
  #isOpen = true

  constructor(frame: Frame, sendAnswer: SendAnswer, onEnd: () => void) {
    this.#frame = frame
    this.#sendAnswer = sendAnswer
    this.#onEnd = onEnd
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  // Made when first asked for: most handlers never look, and a controller costs more than the rest of the request.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#reason !== undefined) this.#abort.abort(this.#reason)
    return this.#abort.signal
  }

  async answer(kind: typeof Kind.response | typeof Kind.part, value: unknown, options: AnswerOptions = {}): Promise<void> {
    const json = options.json ?? (this.#wantsJson && typeof value !== 'string' && !(value instanceof Uint8Array))
    const { type, bytes } = encodePayload(value, { json })
    await this.#send(kind, type, bytes, options.headers)
  }

  async fail(failure: unknown, message?: string): Promise<void> {
    const { type, bytes } = encodePayload(failureBody(failure, message), { json: this.#wantsJson })
    await this.#send(Kind.error, type, bytes, undefined)
  }

  // Who asks in JSON, or by NATS, may read nothing else.
  get #wantsJson(): boolean {
    const { flags, headers } = this.#frame
    return (flags & Flag.payloadType) === PayloadType.json || headers?.['replyTo'] !== undefined
  }

  /** Nobody wants the answer any more. */
  end(reason: BrokerError): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#reason = reason
    this.#abort?.abort(reason)
    this.#onEnd()
  }

  #send(kind: number, flags: number, payload: Uint8Array, headers: Headers | undefined): Promise<void> {
    const { origin, id, subject } = this.#frame
    if (!this.#isOpen) throw new BrokerError('request.not_open', { ref: id, to: origin }, { cause: this.#reason })
    const sent = this.#sendAnswer({ kind, flags, to: origin, ref: id, subject, headers, payload })
    if (kind !== Kind.part) {
      this.#isOpen = false
      this.#onEnd()
    }
    return sent
  }
}

export class OpenRequests {
  readonly #requests = new Map<string, OpenRequest>()
  readonly #deadlines: Deadlines
  readonly #sendAnswer: SendAnswer
  #onIdle: (() => void) | undefined

  constructor(deadlines: Deadlines, sendAnswer: SendAnswer) {
    this.#deadlines = deadlines
    this.#sendAnswer = sendAnswer
  }

  /** Opens the request of a received frame; `frame.to` is the time left to answer, in ms. */
  open(frame: Frame): OpenRequest {
    const key = keyOf(frame.origin, frame.id)
    const deadline = new Deadline(() => request.end(new BrokerError('request.timeout', { subject: frame.subject, limitMs: frame.to })))
    const request = new OpenRequest(frame, this.#sendAnswer, () => {
      this.#deadlines.cancel(deadline)
      this.#requests.delete(key)
      if (this.#requests.size === 0) this.#onIdle?.()
    })
    this.#requests.set(key, request)
    if (frame.to > 0) this.#deadlines.set(deadline, frame.to)
    return request
  }

  /** The requester gave up. */
  cancel(origin: number, id: number): void {
    this.#requests.get(keyOf(origin, id))?.end(new BrokerError('request.cancelled'))
  }

  endAll(reason: BrokerError): void {
    for (const request of this.#requests.values()) request.end(reason)
  }

  /** Resolves when nothing is open. */
  idle(): Promise<void> {
    if (this.#requests.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#onIdle = resolve
    })
  }
}

function keyOf(origin: number, id: number): string {
  return `${origin}:${id}`
}
