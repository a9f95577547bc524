// The gateway's dialect for one connection: `connect`, then `req`, `res` and `event` in messages of text, and envelopes
// as on JSON lines beside them.

import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError, type ErrorBody } from '../../broker/ground/errors.ts'
import { Kind, kindName } from '../../broker/ground/kind.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { lineText, malformed, parseMembers, type ObjectMembers } from '../json/envelope.ts'
import { Envelopes, isEnvelopeType, type EnvelopeHost, type EnvelopeSource, type Verify } from '../json/envelopes.ts'
import { isOwnId, type OwnId } from '../json/own-names.ts'
import { agentAnswer, event, failure, failureOf, line, success } from './answers.ts'
import { Calls, type Call } from './calls.ts'
import { helloOf, helloOk, type Snapshot } from './connect.ts'
import type { GatewayReceiver, GatewayWriter } from './gateway-writer.ts'
import { cancelledId, errandOf, withSuggestion, type Errand } from './methods.ts'
import type { TurnTaker, Turns } from './turns.ts'

/** What the dialect must know of a connection. */
interface GatewaySource extends EnvelopeSource {
  /** On its way out, or gone. A session may be there without being ready: its link broke, and may come back. */
  readonly isEnding: boolean
}

/** What the dialect asks of the broker. */
export interface GatewayHost<C> extends EnvelopeHost {
  readonly writer: GatewayWriter
  /** Shared by all connections: a session key means the same on each. */
  readonly turns: Turns
  /** Open requests that a connection may have. */
  readonly maxOpenRequests: number
  /** Time for requests that name none. */
  readonly timeoutMs: number
  monotonicMs(): number
  /** As the client with that id may know it. */
  snapshot(client: string): Snapshot
  /** @throws BrokerError `permission.denied`, `subject.invalid` */
  checkPublish(connection: C, subject: string): void
  /** Sends bytes of this dialect, unless the connection is on its way out. */
  send(connection: C, bytes: Uint8Array): void
}

/** Calls of the broker's own methods are subjects, so this is what their names may be. */
const METHOD = /^[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*$/
const MAX_METHOD_LENGTH = 64
/** Kinds by which the broker answers a frame. */
const ANSWERS = new Set<number>([Kind.response, Kind.error, Kind.receipt, Kind.ok, Kind.end])
/** Kinds that the broker sends unasked. */
const NOTICES = new Set<number>([Kind.ping, Kind.gap, Kind.credit])
const NOTHING = new Uint8Array(0)

export class GatewayDialect<C extends GatewaySource> implements Dialect {
  readonly name = 'gateway'
  readonly translate: (slice: Slice) => Slice
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #host: GatewayHost<C>
  readonly #envelopes: Envelopes<C>
  readonly #calls: Calls
  #maxMessageBytes: number
  #isWelcomed = false
  /** Of the message that is being refused, or of `connect`; undefined: it has none. */
  #refusedId: OwnId | undefined
  #isRefusing = false

  constructor(connection: C, ingress: Ingress<C>, host: GatewayHost<C>, maxMessageBytes: number) {
    this.#connection = connection
    this.#ingress = ingress
    this.#host = host
    this.#maxMessageBytes = maxMessageBytes
    this.#envelopes = new Envelopes(connection, ingress, host)
    this.#calls = new Calls(host.maxOpenRequests)
    const { names } = this.#envelopes
    const own: GatewayReceiver = {
      request: (kind, ref) => names.request(kind, ref),
      subscription: (number) => names.subscription(number),
      answer: (envelope, kind, ref) => this.#delivered(envelope, kind, ref),
    }
    this.translate = (slice) => host.writer.translate(slice, own)
  }

  /** Messages come whole: nothing is unfinished. */
  reset(): void {}

  limit(maxFrameBytes: number): void {
    this.#maxMessageBytes = maxFrameBytes
  }

  /** A text message arrives whole. */
  received(chunk: Uint8Array): void {
    if (chunk.length > this.#maxMessageBytes) return this.#ingress.fail(this.#connection, new BrokerError('frame.too_large', { actualBytes: chunk.length, limitBytes: this.#maxMessageBytes }))
    let text: string
    let members: ObjectMembers
    try {
      text = lineText(chunk)
      members = parseMembers(text)
    } catch (error) {
      return this.#refuse(undefined, error)
    }
    const id = isOwnId(members['id']) ? members['id'] : undefined
    try {
      this.#take(members, id, text)
    } catch (error) {
      this.#refuse(id, error)
    }
  }

  encode(message: BrokerMessage): Uint8Array {
    const { kind, ref = 0, body } = message
    if (kind === Kind.welcome) return line(this.#welcome(body as ObjectMembers))
    if (kind === Kind.goodbye) return line(this.#isWelcomed ? event('goodbye', body) : failure(this.#refusedId, body))
    if (kind === Kind.error && this.#isRefusing) return line(failure(this.#refusedId, body))
    const envelope = this.#envelopes.write(message)
    if (envelope === undefined) return NOTHING
    const call = ANSWERS.has(kind) ? this.#calls.ofFrame(ref) : undefined
    if (call !== undefined) return line(this.#answered(call, kind, envelope.payload))
    return line(NOTICES.has(kind) ? event(envelope.type, envelope.payload) : envelope)
  }

  closed(): void {
    for (const { turn } of this.#calls.all()) if (turn !== undefined) this.#host.turns.leave(turn)
  }

  #take(members: ObjectMembers, id: OwnId | undefined, text: string): void {
    const { type } = members
    if (!this.#connection.isReady) this.#connect(members, id)
    else if (type === 'req') this.#request(members, id, text)
    else if (type === 'connect') throw new BrokerError('frame.unsupported', { feature: 'connect after the handshake' })
    else if (!isEnvelopeType(type)) throw malformed(typeof type === 'string' ? `type "${type.slice(0, 40)}" is neither req nor that of an envelope` : 'type must be a text, such as "req"')
    else if (type !== 'cancel' || !this.#cancelNamed(members['ref'])) this.#envelopes.read(members, text)
  }

  #connect(members: ObjectMembers, id: OwnId | undefined): void {
    this.#refusedId = id
    this.#control(Kind.hello, 0, helloOf(members))
  }

  #welcome(welcome: ObjectMembers): object {
    const id = this.#refusedId
    this.#isWelcomed = true
    this.#refusedId = undefined
    return success(id, helloOk(welcome, this.#host.snapshot(welcome['client'] as string)))
  }

  /** @throws BrokerError */
  #request({ method, params }: ObjectMembers, own: OwnId | undefined, text: string): void {
    if (own === undefined) throw malformed('id of a req must be a text of at most 256 characters or an integer')
    if (typeof method !== 'string') throw malformed('method of a req must be a text')
    if (!METHOD.test(method) || method.length > MAX_METHOD_LENGTH) throw new BrokerError('method.unknown', { method: method.slice(0, MAX_METHOD_LENGTH), suggestion: '' })
    if (method === 'cancel') return this.#cancel(own, params)
    const errand = errandOf(method, own, params)
    const { envelope, isCancellable, sessionKey } = errand
    const call: Call = { own, method, event: errand.event, isMany: envelope.isMany, isCancellable, sessionKey, frame: 0, turn: undefined }
    // Checked now, while the text is here; subscribing is a control frame, and those are not signed.
    const isVerified = envelope.type !== 'subscribe' && envelope.type !== 'unsubscribe' && this.#envelopes.verified(text)
    if (sessionKey === undefined) {
      this.#calls.open(call)
      this.#send(call, errand, () => isVerified)
    } else this.#inTurn(call, sessionKey, errand, text.length, () => isVerified)
  }

  #send(call: Call, { envelope }: Errand, verify: Verify): void {
    const id = this.#envelopes.names.begin(call.own, 'end')
    this.#calls.sent(call, id)
    try {
      this.#envelopes.take(envelope, id, verify)
    } catch (error) {
      this.#ingress.refuse(this.#connection, id, BrokerError.from(error))
    }
  }

  // Its time counts from now, also while others have the turn.
  #inTurn(call: Call, sessionKey: string, errand: Errand, length: number, verify: Verify): void {
    const host = this.#host
    const connection = this.#connection
    const { envelope } = errand
    // Who may not ask this agent takes no place from those who may.
    host.checkPublish(connection, envelope.subject!)
    this.#calls.open(call)
    const limitMs = envelope.timeoutMs === 0 ? host.timeoutMs : envelope.timeoutMs
    const arrivedMs = host.monotonicMs()
    const taker: TurnTaker = {
      get isWanted() {
        return !connection.isEnding
      },
      begin: () => {
        const leftMs = Math.max(1, Math.ceil(limitMs - (host.monotonicMs() - arrivedMs)))
        if (connection.isReady) this.#send(call, { ...errand, envelope: { ...envelope, timeoutMs: leftMs } }, verify)
        // Nobody waits for an agent's answer at the moment; whoever comes back for the session finds this instead.
        else this.#fail(call, new BrokerError('connection.lost', { problem: 'before it was the turn of this request' }))
      },
      expired: () => this.#fail(call, new BrokerError('request.timeout', { subject: envelope.subject, limitMs })),
    }
    try {
      call.turn = host.turns.enter(sessionKey, length, limitMs, taker)
    } catch (error) {
      this.#calls.close(call)
      throw error
    }
    if (call.turn.state === 'begun') taker.begin()
  }

  #cancel(own: OwnId, params: unknown): void {
    if (this.#calls.named(own) !== undefined) throw new BrokerError('request.id_open', { id: own })
    const cancelled = this.#cancelNamed(cancelledId(params))
    this.#say(success(own, { cancelled }))
  }

  // False when nothing is open under that id that could be cancelled.
  #cancelNamed(own: unknown): boolean {
    const call = isOwnId(own) ? this.#calls.named(own) : undefined
    if (call === undefined || !call.isCancellable) return false
    if (call.frame !== 0) this.#control(Kind.cancel, call.frame, undefined)
    this.#fail(call, new BrokerError('request.cancelled'))
    return true
  }

  // The broker has answered.
  #answered(call: Call, kind: number, payload: unknown): object {
    this.#close(call)
    return kind === Kind.error ? failure(call.own, withSuggestion(payload as ErrorBody, call.method)) : success(call.own, payload ?? null)
  }

  // A responder has; undefined: not to a call.
  #delivered(envelope: ObjectMembers, kind: number, ref: number): object | undefined {
    const call = this.#calls.ofFrame(ref)
    if (call === undefined) return undefined
    const { payload, problem, headers, sender, timestamp } = envelope
    const about = { ...(problem === undefined ? {} : { problem }), ...(headers === undefined ? {} : { headers }), sender, timestamp }
    if (kind === Kind.part) return { ...event(call.event, payload, call.own), ...about }
    if (call.isMany) return { ...event(kindName(kind), kind === Kind.error ? failureOf(payload) : payload, call.own), ...about }
    this.#close(call)
    if (kind === Kind.error) return { ...failure(call.own, failureOf(payload)), ...about }
    return { ...success(call.own, call.method === 'agent' ? agentAnswer(payload, call.sessionKey) : payload), ...about }
  }

  #close(call: Call): void {
    this.#calls.close(call)
    this.#envelopes.names.forget(call.frame)
    if (call.turn !== undefined) this.#host.turns.leave(call.turn)
  }

  #fail(call: Call, error: BrokerError): void {
    this.#close(call)
    this.#say(failure(call.own, error.toBody()))
  }

  #refuse(id: OwnId | undefined, error: unknown): void {
    this.#refusedId = id
    this.#isRefusing = true
    this.#ingress.refuse(this.#connection, 0, BrokerError.from(error))
    this.#isRefusing = false
  }

  #control(kind: number, ref: number, body: unknown): void {
    this.#ingress.control(this.#connection, { kind, id: this.#envelopes.names.begin(undefined, 'answer'), ref, body })
  }

  #say(message: object): void {
    this.#host.send(this.#connection, line(message))
  }
}
