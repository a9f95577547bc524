// The NATS protocol for one connection: what its lines ask for, and what it is told.

import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError, type ErrorBody } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/ground/kind.ts'
import { matchesPattern, parseSubject } from '../../broker/ground/subject.ts'
import { helloOf, readConnect, type ConnectOptions } from './connect.ts'
import { closingText, refusalText } from './err-texts.ts'
import { NatsInput, type NatsClient, type NatsReader } from './nats-reader.ts'
import type { NatsRun } from './nats-run.ts'
import { NatsSink, type NatsReceiver, type SinkOwner } from './nats-sink.ts'
import type { NatsWriter } from './nats-writer.ts'

/** What the dialect must know of a connection. */
export interface NatsSource extends NatsReceiver {
  readonly isReady: boolean
  readonly isEnding: boolean
}

/** What the dialect asks of the broker. */
export interface NatsHost<C> {
  readonly reader: NatsReader
  readonly writer: NatsWriter
  readonly maxControlLineBytes: number
  readonly maxPayloadBytes: number
  /** Sends bytes of this dialect, unless the connection is on its way out. */
  send(connection: C, bytes: Uint8Array): void
}

const utf8 = new TextEncoder()
const NOTHING = new Uint8Array(0)
const OK = utf8.encode('+OK\r\n')
const PING = utf8.encode('PING\r\n')
const PONG = utf8.encode('PONG\r\n')
const NO_RESPONDERS = 'NATS/1.0 503\r\n\r\n'

export class NatsDialect<C extends NatsSource> implements Dialect, NatsClient, SinkOwner {
  readonly name = 'nats'
  readonly translate = undefined
  readonly input: NatsInput
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #host: NatsHost<C>
  #options: ConnectOptions | undefined
  #sinks: Map<string, NatsSink> | undefined
  #subscriptions = 0

  constructor(connection: C, ingress: Ingress<C>, host: NatsHost<C>) {
    this.#connection = connection
    this.#ingress = ingress
    this.#host = host
    this.input = new NatsInput(host.maxControlLineBytes, host.maxPayloadBytes)
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
    return this.#options?.headers === true
  }

  received(chunk: Uint8Array): void {
    this.#host.reader.read(this, chunk)
  }

  encode(message: BrokerMessage): Uint8Array {
    switch (message.kind) {
      case Kind.ping: return PING
      case Kind.pong: return PONG
      case Kind.welcome: return this.#isVerbose ? OK : NOTHING
      case Kind.goodbye: return errorLine(closingText(message.body as ErrorBody))
      case Kind.error: return errorLine(refusalText(message.body as ErrorBody, this.#isPedantic))
      default: return NOTHING
    }
  }

  fail(error: BrokerError): void {
    this.#ingress.fail(this.#connection, error)
  }

  published(run: NatsRun): void {
    const receivers = this.#ingress.foreign(this.#connection, run)
    const { reply } = run
    if (receivers === 0 && reply !== undefined && this.#options?.noResponders === true) this.#tellNoResponders(reply)
    if (this.#isVerbose && receivers >= 0) for (let i = 0; i < run.count; i++) this.#say(OK)
  }

  line(verb: string, rest: string): void {
    if (verb === 'CONNECT') return this.#connect(rest)
    if (!this.isReady) return this.fail(new BrokerError('auth.required'))
    if (verb === 'PING') return this.#say(PONG)
    if (verb === 'PONG' || verb === '+OK') return
    if (verb === 'SUB') this.#subscribe(rest)
    else if (verb === 'UNSUB') this.#unsubscribe(rest)
    else throw new BrokerError('nats.malformed', { problem: `there is no operation ${verb.slice(0, 32)}` })
    if (this.#isVerbose) this.#say(OK)
  }

  /** A subscription has had what it wanted. */
  finished(sink: NatsSink): void {
    this.#sinks?.delete(sink.sid)
    this.#ingress.unsubscribe(this.#connection, sink.subscription)
  }

  get #isVerbose(): boolean {
    return this.#options?.verbose === true
  }

  get #isPedantic(): boolean {
    return this.#options?.pedantic === true
  }

  #connect(rest: string): void {
    if (this.isReady) return
    this.#options = readConnect(rest)
    this.#ingress.control(this.#connection, { kind: Kind.hello, id: 0, ref: 0, body: helloOf(this.#options) })
  }

  #subscribe(rest: string): void {
    const words = rest.split(/[ \t]+/)
    const [pattern, sid] = [words[0]!, words.at(-1)!]
    if (words.length < 2 || words.length > 3 || sid === '') throw new BrokerError('nats.malformed', { problem: 'SUB takes a subject, perhaps a queue group, and a sid' })
    // As nats-server: a sid that is taken stays as it is.
    if (this.#sinks?.has(sid) === true) return
    try {
      const sink = new NatsSink(this.#connection, this, this.#host.writer, ++this.#subscriptions, sid, pattern.split('.'))
      this.#ingress.subscribe(this.#connection, { number: sink.subscription, pattern, group: words.length === 3 ? words[1] : undefined, subscriber: sink })
      this.#sinks ??= new Map()
      this.#sinks.set(sid, sink)
    } catch (error) {
      this.#refuse(BrokerError.from(error))
    }
  }

  #unsubscribe(rest: string): void {
    const [sid = '', max] = rest.split(/[ \t]+/)
    const sink = this.#sinks?.get(sid)
    if (sink === undefined) return
    const after = max === undefined ? 0 : Number(max)
    if (!Number.isInteger(after)) throw new BrokerError('nats.malformed', { problem: 'UNSUB takes a sid, perhaps with a number of messages' })
    if (after <= sink.delivered) return this.finished(sink)
    sink.max = after
    this.#ingress.recount(this.#connection, sink.subscription)
  }

  #refuse(error: BrokerError): void {
    this.#say(errorLine(refusalText(error.toBody(), this.#isPedantic)))
  }

  // To the sender's own subscription of the reply subject, as it waits there.
  #tellNoResponders(reply: string): void {
    const tokens = tokensOf(reply)
    if (tokens === undefined || this.#sinks === undefined) return
    for (const sink of this.#sinks.values()) {
      if (!matchesPattern(sink.tokens, tokens)) continue
      this.#say(utf8.encode(`HMSG ${reply} ${sink.sid} ${NO_RESPONDERS.length} ${NO_RESPONDERS.length}\r\n${NO_RESPONDERS}\r\n`))
      sink.delivered++
      if (sink.delivered >= sink.max) this.finished(sink)
      return
    }
  }

  #say(bytes: Uint8Array): void {
    this.#host.send(this.#connection, bytes)
  }
}

function tokensOf(subject: string): readonly string[] | undefined {
  try {
    return parseSubject(subject)
  } catch {
    return undefined
  }
}

function errorLine(text: string | undefined): Uint8Array {
  return text === undefined ? NOTHING : utf8.encode(`-ERR '${text}'\r\n`)
}
