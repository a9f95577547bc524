// The NATS protocol for one connection: what its lines ask for, and what it is told.

import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError, type ErrorBody } from '../../broker/ground/errors.ts'
import { Flag, Kind } from '../../broker/ground/kind.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import { matchesPattern, parseSubject } from '../../broker/ground/subject.ts'
import { errorFields } from '../../broker/wire/nats/answer-fields.ts'
import { contentTypeOf } from '../../broker/wire/nats/content-type.ts'
import { NO_RESPONDERS_BLOCK, writeHeaderBlock, type HeaderField } from '../../broker/wire/nats/header-block.ts'
import { Name } from '../../broker/wire/nats/header-names.ts'
import { connectDefaults, helloOf, nothingPresented, readConnect, type Connect } from './connect.ts'
import { errLine, PARSER_ERROR } from './err-texts.ts'
import { writeMessages } from './message-line.ts'
import { NatsInput, type NatsClient, type NatsReader } from './nats-reader.ts'
import type { NatsRun } from './nats-run.ts'
import { NatsSink, type SinkOwner } from './nats-sink.ts'
import type { NatsWriter } from './nats-writer.ts'
import { RestrictedReceiver, type RestrictedSource } from './restricted-receiver.ts'

/** What the dialect must know of a connection. */
export interface NatsSource extends RestrictedSource {
  readonly isReady: boolean
  /** Its permissions ask for more than a subject. */
  readonly isRestricted: boolean
  readonly isEnding: boolean
}

/** What the dialect asks of the broker. */
export interface NatsHost<C> {
  readonly reader: NatsReader
  readonly writer: NatsWriter
  readonly maxControlLineBytes: number
  readonly maxPayloadBytes: number
  /** Clients may do without CONNECT: they are let in without presenting anything. */
  readonly admitsAnonymous: boolean
  /** Sends bytes of this dialect, unless the connection is on its way out. */
  send(connection: C, bytes: Uint8Array): void
}

const silentDefaults = { ...connectDefaults, verbose: false }
const utf8 = new TextEncoder()
const NOTHING = new Uint8Array(0)
const OK = utf8.encode('+OK\r\n')
const PING = utf8.encode('PING\r\n')
const PONG = utf8.encode('PONG\r\n')

export class NatsDialect<C extends NatsSource> implements Dialect, NatsClient, SinkOwner {
  readonly name = 'nats'
  readonly translate = undefined
  readonly input: NatsInput
  deliveredBytes = 0
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #host: NatsHost<C>
  #options = connectDefaults
  #sinks: Map<string, NatsSink> | undefined
  #subscriptions = 0

  constructor(connection: C, ingress: Ingress<C>, host: NatsHost<C>) {
    this.#connection = connection
    this.#ingress = ingress
    this.#host = host
    this.input = new NatsInput(host.maxControlLineBytes, host.maxPayloadBytes)
  }

  get messageBytes(): { readonly received: number; readonly delivered: number } {
    return { received: this.input.payloadBytes, delivered: this.deliveredBytes }
  }

  /** Its limits are the protocol's own. */
  limit(): void {}

  reset(): void {}

  get isReady(): boolean {
    return this.#connection.isReady
  }

  get isOpen(): boolean {
    return !this.#connection.isEnding
  }

  get readsHeaders(): boolean {
    return this.#options.headers
  }

  /** It takes INFO at any time, not as the first line alone. */
  get readsNotices(): boolean {
    return this.isReady && this.#options.protocol >= 1
  }

  received(chunk: Uint8Array): void {
    if (!this.isReady && this.input.restBytes === 0 && !beginsConnect(chunk) && !this.#begin()) return
    this.#host.reader.read(this, chunk)
  }

  encode(message: BrokerMessage): Uint8Array {
    switch (message.kind) {
      case Kind.ping: return PING
      case Kind.pong: return PONG
      case Kind.welcome: return this.#isVerbose ? OK : NOTHING
      case Kind.goodbye: return this.#error(message.body as ErrorBody)
      case Kind.error: return message.replyTo === undefined ? this.#error(message.body as ErrorBody) : this.#failed(message.replyTo, message.body as ErrorBody)
      case Kind.response: return message.replyTo === undefined ? NOTHING : this.#answer(message.replyTo, typed(((message.flags ?? 0) & Flag.payloadType) as PayloadType), message.payload ?? NOTHING)
      default: return NOTHING
    }
  }

  fail(error: BrokerError): void {
    this.#ingress.fail(this.#connection, error)
  }

  published(run: NatsRun): void {
    if (!this.readsHeaders && run.headerBlock !== undefined) return this.fail(new BrokerError('nats.malformed', { problem: 'HPUB of a client whose CONNECT has no headers', said: PARSER_ERROR }))
    // Each counts for the leave that it has.
    if (run.count > 1 && this.#connection.replies !== undefined) return run.singles().forEach((single) => this.published(single))
    const receivers = this.#ingress.foreign(this.#connection, run)
    const reply = receivers === 0 ? run.reply : undefined
    if (reply !== undefined) this.#say(this.#noResponders(reply))
    if (this.#isVerbose && receivers >= 0) for (let i = 0; i < run.count; i++) this.#say(OK)
  }

  line(verb: string, rest: string): void {
    if (verb === 'CONNECT') return this.#connect(rest)
    if (verb === 'PING') return this.#say(PONG)
    if (verb === 'PONG') return this.#ingress.control(this.#connection, { kind: Kind.pong, id: 0, ref: 0, body: undefined })
    if (verb === '+OK' || verb === 'INFO') return
    // What went wrong on its side: it means to go.
    if (verb === '-ERR') return this.#ingress.control(this.#connection, { kind: Kind.goodbye, id: 0, ref: 0, body: undefined })
    if (!this.isReady || (verb !== 'SUB' && verb !== 'UNSUB')) throw new BrokerError('nats.malformed', { problem: `there is no operation ${verb.slice(0, 32)}` })
    const isDone = verb === 'SUB' ? this.#subscribe(rest) : this.#unsubscribe(rest)
    if (isDone && this.#isVerbose) this.#say(OK)
  }

  /** A subscription has had what it wanted. */
  finished(sink: NatsSink): void {
    this.#sinks?.delete(sink.sid)
    this.#ingress.unsubscribe(this.#connection, sink.subscription)
  }

  get #isVerbose(): boolean {
    return this.#options.verbose
  }

  get #isPedantic(): boolean {
    return this.#options.pedantic
  }

  // Whoever begins with something else than CONNECT, where that is enough.
  #begin(): boolean {
    if (this.#host.admitsAnonymous) {
      // It is verbose from now on; what it did not say is not answered.
      this.#options = silentDefaults
      this.#hello({ options: silentDefaults, presented: nothingPresented })
      this.#options = connectDefaults
    } else this.fail(new BrokerError('handshake.expected', { expected: 'CONNECT', actual: 'something else' }))
    return this.isReady
  }

  #connect(rest: string): void {
    const connect = readConnect(rest, this.#options)
    this.#options = connect.options
    this.#hello(connect)
  }

  #hello(connect: Connect): void {
    this.#ingress.control(this.#connection, { kind: Kind.hello, id: 0, ref: 0, body: helloOf(connect) })
  }

  // False when it was refused, which the client is told.
  #subscribe(rest: string): boolean {
    const words = rest.split(/[ \t]+/)
    const [pattern, sid] = [words[0]!, words.at(-1)!]
    if (words.length < 2 || words.length > 3 || sid === '') throw new BrokerError('nats.malformed', { problem: 'SUB takes a subject, perhaps a queue group, and a sid', said: PARSER_ERROR })
    // As nats-server: a sid that is taken stays as it is.
    if (this.#sinks?.has(sid) === true) return true
    try {
      const group = words.length === 3 ? words[1] : undefined
      const receiver = this.#connection.isRestricted ? new RestrictedReceiver(this.#connection, group) : this.#connection
      const sink = new NatsSink(receiver, this, this.#host.writer, ++this.#subscriptions, sid, pattern.split('.'))
      this.#ingress.subscribe(this.#connection, { number: sink.subscription, pattern, group, subscriber: sink })
      this.#sinks ??= new Map()
      this.#sinks.set(sid, sink)
      return true
    } catch (error) {
      this.#say(this.#error(BrokerError.from(error).toBody()))
      return false
    }
  }

  #unsubscribe(rest: string): boolean {
    if (rest === '') throw new BrokerError('nats.malformed', { problem: 'UNSUB takes a sid, perhaps with a number of messages' })
    const [sid = '', max] = rest.split(/[ \t]+/)
    const sink = this.#sinks?.get(sid)
    if (sink === undefined) return true
    const after = max === undefined ? 0 : Number(max)
    if (!Number.isInteger(after)) throw new BrokerError('nats.malformed', { problem: 'UNSUB takes a sid, perhaps with a number of messages', said: PARSER_ERROR })
    if (after <= sink.delivered) this.finished(sink)
    else {
      sink.max = after
      this.#ingress.recount(this.#connection, sink.subscription)
    }
    return true
  }

  // Empty where nats-server says nothing.
  #error(body: ErrorBody): Uint8Array {
    if (body.code === 'subject.invalid' && !this.#isPedantic) return NOTHING
    const line = errLine(body)
    return line === undefined ? NOTHING : utf8.encode(line)
  }

  // Nobody answers, or the broker's own method fails; a request that took too long is over for its client already.
  #failed(reply: string, body: ErrorBody): Uint8Array {
    const { code } = body
    if (code === 'request.timeout') return NOTHING
    if (code === 'request.no_responders' || code === 'request.responder_gone') return this.#noResponders(reply)
    return this.#answer(reply, typed(PayloadType.json, errorFields(body)), utf8.encode(JSON.stringify(body)))
  }

  #noResponders(reply: string): Uint8Array {
    return this.#options.noResponders ? this.#answer(reply, NO_RESPONDERS_BLOCK, NOTHING) : NOTHING
  }

  // To the client's own subscription of the reply subject, as it waits there.
  #answer(reply: string, headers: Uint8Array | undefined, payload: Uint8Array): Uint8Array {
    const tokens = tokensOf(reply)
    if (tokens === undefined || this.#sinks === undefined) return NOTHING
    for (const sink of this.#sinks.values()) {
      if (!matchesPattern(sink.tokens, tokens)) continue
      const message = writeMessages([{ subject: utf8.encode(reply), replyTo: undefined, headers: this.readsHeaders ? headers : undefined, payload }], sink.sidBytes, this.#host.writer.slab)
      sink.delivered++
      if (sink.delivered >= sink.max) this.finished(sink)
      return message
    }
    return NOTHING
  }

  #say(bytes: Uint8Array): void {
    this.#host.send(this.#connection, bytes)
  }
}

/** The block of an answer of the broker's own; undefined: it says nothing. */
function typed(type: PayloadType, fields: readonly HeaderField[] = []): Uint8Array | undefined {
  const contentType = contentTypeOf(type)
  if (contentType === undefined && fields.length === 0) return undefined
  return writeHeaderBlock({ status: undefined, description: '', fields: contentType === undefined ? fields : [[Name.contentType, contentType], ...fields] })
}

function tokensOf(subject: string): readonly string[] | undefined {
  try {
    return parseSubject(subject)
  } catch {
    return undefined
  }
}

function beginsConnect(chunk: Uint8Array): boolean {
  return chunk[0] === 0x43 || chunk[0] === 0x63
}
