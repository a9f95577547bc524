// One connection to a broker, taken step by step with a limit on each. Knows what is sent and what must come back, not
// what it means to whoever asked.

import { decode } from '@msgpack/msgpack'
import type { Clock } from '../broker/ground/clock.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Flag, Kind } from '../broker/ground/kind.ts'
import { encodePayload } from '../broker/ground/payload.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { errorOf } from './answer-error.ts'
import { Connection } from './connection.ts'
import { deferred } from './deferred.ts'
import { Handshake, type Credential, type Identity, type Welcome } from './handshake.ts'
import type { ClientLink, Hmac, Platform } from './link.ts'
import type { Receipt } from './operation-options.ts'

export interface ProbeOptions {
  readonly identity: Identity
  readonly credential: Credential
  /** Longest wait of each step. ms */
  readonly timeoutMs: number
  readonly clock: Clock
}

interface Waiter {
  readonly isWanted: (frame: Frame) => boolean
  readonly resolve: (frame: Frame) => void
  readonly reject: (error: BrokerError) => void
}

/** Steps in the order in which they are called; after one that throws only `destroy()` makes sense. */
export class Probe {
  readonly #platform: Platform
  readonly #options: ProbeOptions
  readonly #ended = deferred<BrokerError>()
  #link: ClientLink | undefined
  #connection: Connection | undefined
  #handshake: WatchedHandshake | undefined
  #received: Frame[] = []
  #waiter: Waiter | undefined
  #end: BrokerError | undefined

  constructor(platform: Platform, options: ProbeOptions) {
    this.#platform = platform
    this.#options = options
  }

  /** True after a welcome, also one that does not prove that the broker knows the token: then `auth.failed` is its fault, not ours. */
  get wasWelcomed(): boolean {
    return this.#handshake?.wasWelcomed === true
  }

  /** Opens the link. @throws BrokerError `connect.*` */
  async connect(): Promise<void> {
    const { clock, timeoutMs } = this.#options
    const attempt = new AbortController()
    const cancel = clock.after(timeoutMs, () => attempt.abort(new BrokerError('connect.timeout', { limitMs: timeoutMs })))
    this.#link = await this.#platform.openLink(attempt.signal).finally(cancel)
  }

  /**
   * Says hello; gives what the broker answers: a challenge, or a welcome at once.
   * @throws BrokerError `handshake.timeout`, what the broker refuses with, `frame.*` when it speaks something else
   */
  async greet(): Promise<'challenge' | 'welcome'> {
    if (this.#link === undefined) throw new BrokerError('connection.closed')
    const { identity, credential } = this.#options
    this.#handshake = new WatchedHandshake(identity, credential, this.#platform.hmac, frame => this.#take(frame))
    this.#connection = new Connection(this.#link, this.#platform, this.#handshake, credential.token, {
      opened: () => {},
      moving: () => {},
      received: frame => this.#take(frame),
      closed: error => this.#close(error),
    })
    const answer = await this.#next(frame => frame.kind === Kind.challenge || frame.kind === Kind.welcome, this.#noHandshake())
    if (answer.kind === Kind.challenge) return 'challenge'
    this.#received.push(answer)
    return 'welcome'
  }

  /**
   * What the broker says once it has let us in, after its proof that it knows the token was checked.
   * @throws BrokerError `auth.*`, `handshake.timeout`, and what else it refuses with
   */
  async welcome(): Promise<Welcome> {
    await this.#next(frame => frame.kind === Kind.welcome, this.#noHandshake())
    return this.#open.welcome
  }

  /** One ping and its pong. @throws BrokerError `request.timeout`, `connection.*` */
  async ping(): Promise<void> {
    await this.#ask({ kind: Kind.ping }, Kind.pong, 'ping')
  }

  /**
   * Publishes `payload` on `subject`, an address of this connection; gives the receipt once the message itself came back.
   * @throws BrokerError `permission.denied`, `request.timeout`, `connection.*`
   */
  async echo(subject: string, payload: string): Promise<Receipt> {
    const { type, bytes } = encodePayload(payload)
    const receipt = await this.#ask({ kind: Kind.publish, subject, flags: type | Flag.receipt, payload: bytes }, Kind.receipt, subject)
    const { origin } = this.#open.welcome
    await this.#next(frame => frame.kind === Kind.publish && frame.origin === origin && frame.id === receipt.ref, this.#noAnswer(subject))
    return decode(receipt.payload) as Receipt
  }

  /** Says goodbye and waits for the broker to close. @throws BrokerError `request.timeout` */
  async goodbye(): Promise<void> {
    this.#open.close()
    const { clock, timeoutMs } = this.#options
    const late = deferred<never>()
    const cancel = clock.after(timeoutMs, () => late.reject(this.#noAnswer('goodbye')))
    await Promise.race([this.#ended.promise, late.promise]).finally(cancel)
  }

  /** Ends now, in whatever step it is. */
  destroy(): void {
    if (this.#connection !== undefined) this.#connection.destroy(new BrokerError('client.closed'))
    else this.#link?.destroy()
  }

  get #open(): Connection {
    if (this.#connection === undefined) throw new BrokerError('connection.closed')
    return this.#connection
  }

  async #ask(request: FrameInit, kind: number, subject: string): Promise<Frame> {
    // What came unasked until now, such as a broadcast, is nothing that anybody waits for.
    this.#received = []
    const id = this.#open.send(request)
    const answer = await this.#next(frame => frame.ref === id && (frame.kind === kind || frame.kind === Kind.error), this.#noAnswer(subject))
    if (answer.kind === Kind.error) throw errorOf(answer)
    return answer
  }

  async #next(isWanted: (frame: Frame) => boolean, late: BrokerError): Promise<Frame> {
    const at = this.#received.findIndex(isWanted)
    if (at >= 0) return this.#received.splice(at, 1)[0]!
    if (this.#end !== undefined) throw this.#end
    const { promise, resolve, reject } = deferred<Frame>()
    this.#waiter = { isWanted, resolve, reject }
    const cancel = this.#options.clock.after(this.#options.timeoutMs, () => reject(late))
    return promise.finally(() => {
      cancel()
      this.#waiter = undefined
    })
  }

  #take(frame: Frame): void {
    if (this.#waiter?.isWanted(frame) === true) this.#waiter.resolve(frame)
    else this.#received.push(frame)
  }

  #close(error: BrokerError): void {
    this.#end = error
    this.#waiter?.reject(error)
    this.#ended.resolve(error)
  }

  #noHandshake(): BrokerError {
    return new BrokerError('handshake.timeout', { limitMs: this.#options.timeoutMs })
  }

  #noAnswer(subject: string): BrokerError {
    return new BrokerError('request.timeout', { subject, limitMs: this.#options.timeoutMs })
  }
}

/** A handshake that shows each frame which it took as right. */
class WatchedHandshake extends Handshake {
  wasWelcomed = false
  readonly #accepted: (frame: Frame) => void

  constructor(identity: Identity, credential: Credential, hmac: Hmac, accepted: (frame: Frame) => void) {
    super(identity, credential, hmac)
    this.#accepted = accepted
  }

  override receive(frame: Frame): FrameInit | Welcome {
    if (frame.kind === Kind.welcome) this.wasWelcomed = true
    const next = super.receive(frame)
    this.#accepted(frame)
    return next
  }
}
