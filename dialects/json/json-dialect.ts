// JSON lines for one connection: envelopes in become frames, frames out become envelopes.

import type { KeyObject } from 'node:crypto'
import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { toJsonValue } from '../../broker/ground/json-value.ts'
import { Flag, Kind, kindName } from '../../broker/ground/kind.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { encodeFrame, type FrameInit } from '../../broker/wire/frame.ts'
import { lineText, malformed, parseEnvelope, type Envelope } from './envelope.ts'
import { replyAddress, type JsonWriter, type ReceiverNames } from './json-writer.ts'
import { signedText } from './line-signature.ts'
import { LineSplitter } from './line-splitter.ts'
import { OwnNames } from './own-names.ts'

/** What the dialect must know of a connection. */
export interface JsonSource {
  readonly key: KeyObject | undefined
}

/** What the dialect asks of the broker. */
export interface JsonHost {
  readonly writer: JsonWriter
  readonly requiresSignature: boolean
  /** @throws BrokerError `channel.not_found` */
  checkChannel(name: string): void
  wallMicros(): number
}

const utf8 = new TextEncoder()
const NOTHING = new Uint8Array(0)

export class JsonDialect<C extends JsonSource> implements Dialect {
  readonly name = 'json'
  readonly translate: (slice: Slice) => Slice
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #host: JsonHost
  readonly #lines: LineSplitter
  readonly #names = new OwnNames()

  constructor(connection: C, ingress: Ingress<C>, host: JsonHost, maxLineBytes: number) {
    this.#connection = connection
    this.#ingress = ingress
    this.#host = host
    this.#lines = new LineSplitter(maxLineBytes)
    const own: ReceiverNames = this.#names
    this.translate = (slice) => host.writer.translate(slice, own)
  }

  limit(maxFrameBytes: number): void {
    this.#lines.maxLineBytes = maxFrameBytes
  }

  received(chunk: Uint8Array): void {
    try {
      this.#lines.push(chunk, (line) => this.#line(line))
    } catch (error) {
      this.#ingress.fail(this.#connection, BrokerError.from(error))
    }
  }

  encode(message: BrokerMessage): Uint8Array {
    const { kind, to, ref = 0, body, payload, flags = 0 } = message
    const call = this.#names.answered(kind, ref)
    if (call === 'silent') return NOTHING
    const value = payload === undefined ? body : decodePayload((flags & Flag.payloadType) as PayloadType, payload)
    const envelope = {
      type: kindName(kind),
      ...(kind === Kind.cancel ? { ref: replyAddress(to ?? 0, ref) } : call === undefined ? {} : { ref: call }),
      ...(value === undefined ? {} : { payload: kind === Kind.ok ? { subscription: this.#names.subscription((value as { subscription: number }).subscription) } : toJsonValue(value) }),
    }
    return utf8.encode(`${JSON.stringify(envelope)}\n`)
  }

  #line(bytes: Uint8Array): void {
    let id = 0
    try {
      const text = lineText(bytes)
      const envelope = parseEnvelope(text)
      id = this.#names.begin(envelope.id, envelope.isMany)
      this.#take(envelope, id, text)
      // All but requests are answered by now.
      if (envelope.type !== 'request') this.#names.forget(id)
    } catch (error) {
      this.#ingress.refuse(this.#connection, id, BrokerError.from(error))
    }
  }

  #take(envelope: Envelope, id: number, text: string): void {
    switch (envelope.type) {
      case 'hello':
        return this.#control(Kind.hello, id, 0, envelope.payload)
      case 'proof':
        return this.#control(Kind.proof, id, 0, envelope.payload)
      case 'ping':
        return this.#control(Kind.ping, id, 0, undefined)
      case 'pong':
        return this.#control(Kind.pong, id, 0, undefined)
      case 'goodbye':
        return this.#control(Kind.goodbye, id, 0, undefined)
      case 'cancel':
        return this.#control(Kind.cancel, id, this.#names.openRequest(envelope.ref), undefined)
      case 'subscribe':
        return this.#subscribe(envelope, id)
      case 'unsubscribe':
        return this.#unsubscribe(envelope, id)
      default:
        return this.#message(envelope, id, text)
    }
  }

  #message(envelope: Envelope, id: number, text: string): void {
    const frame = this.#frame(envelope, id)
    const isVerified = this.#host.requiresSignature && signedText(text, this.#connection.key)
    const bytes = encodeFrame(frame)
    this.#ingress.message(this.#connection, bytes, 0, bytes.length, this.#host.wallMicros(), isVerified)
  }

  #frame(envelope: Envelope, id: number): FrameInit {
    const { type, id: mid, sender, sentAt, headers, timeoutMs, isMany, wantsReceipt } = envelope
    const all = { ...headers, ...(mid === undefined ? {} : { mid: String(mid) }), ...(sender === undefined ? {} : { sender }), ...(sentAt === undefined ? {} : { sentAt }) }
    const payload = envelope.hasPayload ? utf8.encode(JSON.stringify(envelope.payload)) : NOTHING
    const base = { id, payload, flags: envelope.hasPayload ? PayloadType.json : PayloadType.bytes, ...(Object.keys(all).length === 0 ? {} : { headers: all }) }
    const receipt = wantsReceipt ? Flag.receipt : 0
    if (type === 'event') return { ...base, kind: Kind.publish, subject: this.#subject(envelope), flags: base.flags | receipt }
    if (type === 'broadcast') return { ...base, kind: Kind.publish, subject: envelope.channel === undefined && envelope.subject === undefined ? '$CB.all' : this.#subject(envelope), flags: base.flags | Flag.receipt }
    if (type === 'request') return { ...base, kind: Kind.request, subject: this.#subject(envelope), to: timeoutMs, flags: base.flags | receipt | (isMany ? Flag.many : 0) }
    const kind = type === 'response' ? Kind.response : type === 'part' ? Kind.part : type === 'error' ? Kind.error : undefined
    if (kind === undefined) throw malformed(`type "${type.slice(0, 40)}" is not one of hello, proof, event, broadcast, request, response, part, error, cancel, subscribe, unsubscribe, ping, pong, goodbye`)
    const match = /^(\d{1,10})\.(\d{1,16})$/.exec(String(envelope.ref ?? ''))
    if (match === null) throw malformed(`ref of a ${type} must be the replyTo of the request`)
    return { ...base, kind, to: Number(match[1]), ref: Number(match[2]) }
  }

  #subject({ channel, subject }: Envelope): string {
    if (subject !== undefined) return subject
    if (channel === undefined) throw malformed('channel or subject is missing')
    this.#host.checkChannel(channel)
    return channel
  }

  // A channel is its own subject and everything below it: two subscriptions, one answer.
  #subscribe(envelope: Envelope, id: number): void {
    const { channel, subject, group, filter } = envelope
    const pattern = this.#subject(envelope)
    const own = subject === undefined && channel !== undefined ? [pattern, `${pattern}.>`] : [pattern]
    const numbers = this.#names.subscribe(envelope.subscription, own.length)
    own.forEach((each, i) => {
      this.#control(Kind.subscribe, i === 0 ? id : this.#names.beginSilent(), numbers[i]!, { pattern: each, ...(group === undefined ? {} : { group }), ...(filter === undefined ? {} : { filter }) })
    })
  }

  #unsubscribe({ subscription }: Envelope, id: number): void {
    if (subscription === undefined) throw malformed('subscription is missing: the number that subscribe was answered with')
    this.#names.unsubscribe(subscription).forEach((number, i) => this.#control(Kind.unsubscribe, i === 0 ? id : this.#names.beginSilent(), number, undefined))
  }

  #control(kind: number, id: number, ref: number, body: unknown): void {
    this.#ingress.control(this.#connection, { kind, id, ref, body })
  }
}
