// The client's end of a connection in memory: says hello, sends what calls want said, and hands out what comes. It speaks
// the native protocol as any client does, so that nothing of the broker has to know that gRPC is behind it.

import { BrokerError, errorTable, type ErrorBody } from '../broker/ground/errors.ts'
import { Flag, Kind } from '../broker/ground/kind.ts'
import { decodePayload, encodePayload } from '../broker/ground/payload.ts'
import { PayloadType } from '../broker/ground/payload-type.ts'
import type { Link, Peer } from '../broker/ground/types.ts'
import { decodeFrame, encodeFrame, type Frame, type FrameInit } from '../broker/wire/frame.ts'
import { Framer } from '../broker/wire/framer.ts'
import { MemoryLink, type MemoryEnd } from '../transports/memory/memory-link.ts'

/** Answers of the broker's methods may exceed the limit for messages; this only stops nonsense lengths. bytes */
const MAX_FRAME_BYTES = 1024 * 1024 * 1024

/** What the broker says in its welcome, as far as it is used here. */
export interface Welcome {
  readonly broker: string
  readonly incarnation: number
  readonly origin: number
  readonly client: string
  readonly principal: string
  readonly session: string
  /** The broker's proof, after a challenge. */
  readonly mac?: string
}

/** Who waits for what comes about one frame. The frame is valid during the call; `payload` is the broker's memory. */
export interface Waiter {
  /** True: nothing more is expected. */
  answered(frame: Frame): boolean
  /** Refused, or the connection ended first. */
  failed(error: BrokerError): void
}

/** Who gets what others send to this connection. */
export interface Receiver {
  /** A message, or a gap. The frame is valid during the call. */
  delivered(frame: Frame): void
  /** All of one write was handed out: false when it must not be followed by more before `taken()`. */
  flushed(): boolean
  /** The broker ended the connection. Called once and last. */
  ended(error: BrokerError): void
}

export class ConnectionEnd implements MemoryEnd {
  /** Rejects with a BrokerError when the connection is refused. */
  readonly welcomed: Promise<Welcome>
  /** The broker's nonce, where the hello asked for a challenge. */
  readonly challenged: Promise<string>
  readonly #link: MemoryLink
  readonly #framer = new Framer(MAX_FRAME_BYTES)
  readonly #handshake = Promise.withResolvers<Welcome>()
  readonly #challenge = Promise.withResolvers<string>()
  readonly #waiters = new Map<number, Waiter>()
  readonly #sink = { frame: (bytes: Uint8Array, start: number, end: number) => this.#take(decodeFrame(bytes, start, end)) }
  #welcome: Welcome | undefined
  #receiver: Receiver | undefined
  #reason: BrokerError | undefined
  #isOver = false
  #lastId = 0
  /** Told once when it is over. */
  onEnd: ((error: BrokerError) => void) | undefined

  /** `accept` gives the link to the broker; `hello` is the body of the hello. */
  constructor(peer: Peer, accept: (link: Link) => void, hello: object) {
    this.challenged = this.#challenge.promise
    this.welcomed = this.#handshake.promise
    // Whoever asks for it hears of a refusal; nobody has to.
    this.welcomed.catch(() => {})
    this.#link = new MemoryLink(peer, 'grpc', this)
    accept(this.#link)
    this.control(Kind.hello, { protocol: { min: 1, max: 1 }, ...hello })
  }

  /** What the broker said, once it has. */
  get welcome(): Welcome | undefined {
    return this.#welcome
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The client id. */
  get client(): string {
    return this.#welcome?.client ?? ''
  }

  /** Answers the challenge. */
  prove(mac: string): void {
    this.control(Kind.proof, { mac })
  }

  /** From now on `receiver` gets what others send; undefined: nobody does. */
  receiveBy(receiver: Receiver | undefined): void {
    this.#receiver = receiver
  }

  /** What was handed out has left; more may come. */
  taken(): void {
    this.#link.taken()
  }

  /**
   * Sends a frame under the next id, which it gives; what comes about it goes to `waiter`.
   * @throws BrokerError `subject.invalid`, `frame.malformed`; why the connection ended, when it has
   */
  send(init: FrameInit, waiter?: Waiter): number {
    if (this.#isOver) throw this.#reason ?? new BrokerError('connection.closed')
    const id = this.#lastId + 1
    const bytes = encodeFrame({ ...init, id })
    this.#lastId = id
    if (waiter !== undefined) this.#waiters.set(id, waiter)
    this.#link.send(bytes)
    return id
  }

  /** Sends a control frame. */
  control(kind: number, body?: object, more: { readonly ref?: number; readonly waiter?: Waiter } = {}): number {
    return this.send({ kind, ref: more.ref ?? 0, flags: PayloadType.msgpack, ...(body === undefined ? {} : { payload: encodePayload(body).bytes }) }, more.waiter)
  }

  /** Answers a request that came: it failed. */
  refuse(origin: number, id: number, error: BrokerError): void {
    this.send({ kind: Kind.error, to: origin, ref: id, flags: PayloadType.msgpack, payload: encodePayload(error.toBody()).bytes })
  }

  /** The answer to a method of the broker, `$CB.api.<method>`. */
  method(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.send({ kind: Kind.request, flags: PayloadType.msgpack, subject: `$CB.api.${method}`, payload: encodePayload(params).bytes }, {
        answered(frame) {
          resolve(bodyOf(frame))
          return true
        },
        failed: reject,
      })
    })
  }

  /** Nobody waits for the answer to `id` any more; the request is taken back. */
  cancel(id: number): void {
    if (this.#waiters.delete(id)) this.#later(() => this.control(Kind.cancel, undefined, { ref: id }))
  }

  /** Ends it now, for `reason`. What waited for its client is lost, and told as such. */
  hangUp(reason?: BrokerError): void {
    this.#reason ??= reason
    this.#link.hangUp()
  }

  received(pieces: readonly Uint8Array[]): boolean {
    for (const piece of pieces) this.#framer.push(piece, this.#sink)
    return this.#receiver === undefined || this.#receiver.flushed()
  }

  closed(reason: BrokerError | undefined): void {
    this.#isOver = true
    // A goodbye does not pass a stream that nobody reads.
    const error = (this.#reason ??= reason ?? new BrokerError('connection.closed'))
    this.#handshake.reject(error)
    for (const waiter of this.#waiters.values()) waiter.failed(error)
    this.#waiters.clear()
    this.#receiver?.ended(error)
    this.#receiver = undefined
    this.onEnd?.(error)
  }

  #take(frame: Frame): void {
    switch (frame.kind) {
      case Kind.publish:
      case Kind.grouped:
      case Kind.request:
      case Kind.gap:
        return this.#deliver(frame)
      case Kind.cancel:
        return this.#receiver?.delivered(frame)
      case Kind.welcome:
        this.#welcome = bodyOf(frame) as Welcome
        return this.#handshake.resolve(this.#welcome)
      case Kind.challenge:
        return this.#challenge.resolve((bodyOf(frame) as { readonly nonce: string }).nonce)
      case Kind.goodbye:
        this.#reason = frame.payload.length === 0 ? undefined : BrokerError.fromBody(bodyOf(frame) as ErrorBody)
        return
      case Kind.ping:
        return this.#later(() => this.control(Kind.pong, undefined, { ref: frame.id }))
      default:
        return this.#answer(frame)
    }
  }

  #deliver(frame: Frame): void {
    if (this.#receiver !== undefined) return this.#receiver.delivered(frame)
    // Calls alone are made on this connection: whoever asks it learns at once that nobody listens.
    if (frame.kind !== Kind.request) return
    const { origin, id } = frame
    const error = new BrokerError('grpc.not_listening', { client: this.client })
    this.#later(() => this.refuse(origin, id, error))
  }

  #answer(frame: Frame): void {
    const waiter = this.#waiters.get(frame.ref)
    if (waiter === undefined) return
    const isOver = frame.kind === Kind.error ? (waiter.failed(errorOf(frame)), true) : waiter.answered(frame)
    if (isOver) this.#waiters.delete(frame.ref)
  }

  // The broker is in the middle of a write.
  #later(task: () => void): void {
    queueMicrotask(() => {
      if (!this.#isOver) task()
    })
  }
}

/** The body of a control frame, or of an answer of the broker's methods. */
export function bodyOf({ flags, payload }: Frame): unknown {
  if (payload.length === 0) return {}
  const type = (flags & Flag.payloadType) as PayloadType
  // The broker's own frames are MessagePack, whatever the flags say.
  return decodePayload(type === PayloadType.bytes ? PayloadType.msgpack : type, payload)
}

/** What an error frame says. Responders may write bodies of any type; a code of their own is told in `details.code`. */
export function errorOf(frame: Frame): BrokerError {
  let body: unknown
  try {
    body = bodyOf(frame)
  } catch (error) {
    return new BrokerError('frame.malformed', { problem: 'an error body is not valid MessagePack or JSON' }, { cause: error })
  }
  const { code, message, details } = (typeof body === 'object' && body !== null ? body : { message: String(body) }) as Readonly<Record<string, unknown>>
  const ownCode = typeof code === 'string' && !Object.hasOwn(errorTable, code) ? { code } : {}
  const known = typeof details === 'object' && details !== null ? (details as ErrorBody['details']) : {}
  return BrokerError.fromBody({ code: typeof code === 'string' ? code : 'request.failed', message: typeof message === 'string' ? message : 'the responder gave no reason', retryable: false, details: { ...known, ...ownCode } })
}
