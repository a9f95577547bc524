// Envelopes of one connection: those that come in become frames, the broker's own frames become envelopes. Knows not
// how envelopes are told apart on the link.

import type { KeyObject } from 'node:crypto'
import type { BrokerMessage, Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { toJsonValue } from '../../broker/ground/json-value.ts'
import { Flag, Kind, kindName } from '../../broker/ground/kind.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import { encodeFrame, type FrameInit } from '../../broker/wire/frame.ts'
import { malformed, readEnvelope, type Envelope, type ObjectMembers } from './envelope.ts'
import { replyAddress } from './json-writer.ts'
import { signedText } from './line-signature.ts'
import { OwnNames, type LastWord, type OwnId } from './own-names.ts'

/** What envelopes must know of a connection. */
export interface EnvelopeSource {
  readonly key: KeyObject | undefined
  /** True after the welcome. */
  readonly isReady: boolean
}

/** What envelopes ask of the broker. */
export interface EnvelopeHost {
  readonly requiresSignature: boolean
  /** @throws BrokerError `channel.not_found` */
  checkChannel(name: string): void
  wallMicros(): number
}

/** A frame of the broker's own as an envelope. */
interface BrokerEnvelope {
  readonly type: string
  readonly ref?: OwnId
  readonly payload?: unknown
}

/** True when the message is signed as it must be. @throws BrokerError `auth.signature_missing`, `auth.signature_invalid` */
export type Verify = () => boolean

const types = ['hello', 'proof', 'event', 'broadcast', 'request', 'response', 'part', 'error', 'cancel', 'subscribe', 'unsubscribe', 'ack', 'ping', 'pong', 'goodbye']

/** True for the types of envelopes that a client may send. */
export function isEnvelopeType(type: unknown): boolean {
  return types.includes(type as string)
}

const utf8 = new TextEncoder()
const NOTHING = new Uint8Array(0)

export class Envelopes<C extends EnvelopeSource> {
  readonly names = new OwnNames()
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #host: EnvelopeHost
  /** What the client is told of a control frame that is one of several which it knows as one. */
  #answer: 'all' | 'refusals' | 'none' = 'all'
  #wasRefused = false

  constructor(connection: C, ingress: Ingress<C>, host: EnvelopeHost) {
    this.#connection = connection
    this.#ingress = ingress
    this.#host = host
  }

  /** A client's message: does what it says, or refuses it by name. `text` is what its signature covers. */
  read(members: ObjectMembers, text: string): void {
    let id = 0
    try {
      const envelope = readEnvelope(members)
      const last = lastWord(envelope)
      id = this.names.begin(envelope.id, last)
      this.take(envelope, id, () => this.verified(text))
      // All but requests, and what has a receipt that comes later, are answered by now.
      if (envelope.type !== 'request' && last !== 'receipt') this.names.forget(id)
    } catch (error) {
      this.#ingress.refuse(this.#connection, id, BrokerError.from(error))
    }
  }

  /** Whether `text` has been checked and is signed. @throws BrokerError `auth.signature_missing`, `auth.signature_invalid` */
  verified(text: string): boolean {
    return this.#host.requiresSignature && signedText(text, this.#connection.key)
  }

  /** The envelope that tells of a frame of the broker's own; undefined: the client is told nothing. */
  write(message: BrokerMessage): BrokerEnvelope | undefined {
    const { kind, to, ref = 0, body, payload, flags = 0 } = message
    if (kind === Kind.error) this.#wasRefused = true
    if (this.#answer === 'none' || (this.#answer === 'refusals' && kind === Kind.ok)) return undefined
    // A cancel names a request that came to this client, by the number of whoever made it.
    const call = kind === Kind.cancel ? undefined : this.names.answered(kind, ref)
    const value = payload === undefined ? body : decodePayload((flags & Flag.payloadType) as PayloadType, payload)
    return {
      type: kindName(kind),
      ...(kind === Kind.cancel ? { ref: replyAddress(to ?? 0, ref) } : call === undefined ? {} : { ref: call }),
      ...(value === undefined ? {} : { payload: kind === Kind.ok ? { subscription: this.names.subscription((value as { subscription: number }).subscription) } : toJsonValue(value) }),
    }
  }

  /** Does what an envelope says, as frame `id`. @throws BrokerError */
  take(envelope: Envelope, id: number, verify: Verify): void {
    switch (envelope.type) {
      case 'hello':
        return this.#control(Kind.hello, id, 0, envelope.payload)
      case 'proof':
        return this.#control(Kind.proof, id, 0, envelope.payload)
      case 'ping':
        return this.#control(Kind.ping, id, 0, undefined)
      case 'ack':
        return this.#control(Kind.ack, id, 0, envelope.payload)
      case 'pong':
        return this.#control(Kind.pong, id, 0, undefined)
      case 'goodbye':
        return this.#control(Kind.goodbye, id, 0, undefined)
      case 'cancel':
        return this.#cancel(envelope, id)
      case 'subscribe':
        return this.#subscribe(envelope, id)
      case 'unsubscribe':
        return this.#unsubscribe(envelope, id)
      default:
        return this.#message(envelope, id, verify)
    }
  }

  #cancel({ ref }: Envelope, id: number): void {
    const request = this.names.openRequest(ref)
    this.#control(Kind.cancel, id, request, undefined)
    this.names.forget(request)
  }

  #message(envelope: Envelope, id: number, verify: Verify): void {
    const frame = this.#frame(envelope, id)
    const isVerified = verify()
    const bytes = encodeFrame(frame)
    this.#ingress.message(this.#connection, bytes, 0, bytes.length, this.#host.wallMicros(), isVerified)
  }

  #frame(envelope: Envelope, id: number): FrameInit {
    const { type, timeoutMs, isMany, receipt: wanted } = envelope
    const headers = headersOf(envelope)
    const payload = envelope.hasPayload ? utf8.encode(payloadText(envelope.payload)) : NOTHING
    const base = { id, payload, flags: envelope.hasPayload ? PayloadType.json : PayloadType.bytes, ...(Object.keys(headers).length === 0 ? {} : { headers }) }
    const receipt = wanted === undefined ? 0 : Flag.receipt
    if (type === 'event') return { ...base, kind: Kind.publish, subject: this.#subject(envelope), flags: base.flags | receipt }
    if (type === 'broadcast') return { ...base, kind: Kind.publish, subject: envelope.channel === undefined && envelope.subject === undefined ? '$CB.all' : this.#subject(envelope), flags: base.flags | Flag.receipt }
    if (type === 'request') return { ...base, kind: Kind.request, subject: this.#subject(envelope), to: timeoutMs, flags: base.flags | receipt | (isMany ? Flag.many : 0) }
    const kind = type === 'response' ? Kind.response : type === 'part' ? Kind.part : type === 'error' ? Kind.error : undefined
    if (kind === undefined) throw malformed(`type "${type.slice(0, 40)}" is not one of ${types.join(', ')}`)
    const match = /^(\d{1,10})\.(\d{1,16})$/.exec(String(envelope.ref ?? ''))
    if (match === null) throw malformed(`ref of a ${type} must be the replyTo of the request`)
    return { ...base, kind, to: Number(match[1]), ref: Number(match[2]) }
  }

  #subject({ channel, subject }: Envelope): string {
    if (subject !== undefined) return subject
    if (channel === undefined) throw malformed('channel or subject is missing')
    // Whom the broker does not know yet is not told which channels there are.
    if (this.#connection.isReady) this.#host.checkChannel(channel)
    return channel
  }

  // A channel is its own subject and everything below it: two subscriptions, one answer. All or none of them.
  #subscribe(envelope: Envelope, id: number): void {
    const { channel, subject, group, filter, isConsuming } = envelope
    const pattern = this.#subject(envelope)
    const patterns = subject === undefined && channel !== undefined ? [`${pattern}.>`, pattern] : [pattern]
    const own = this.names.subscribe(envelope.subscription, patterns.length)
    const bodies = patterns.map((each) => ({ pattern: each, ...(group === undefined ? {} : { group }), ...(filter === undefined ? {} : { filter }), ...(isConsuming ? { consume: true } : {}) }))
    const made = this.#controls(Kind.subscribe, id, own.numbers, bodies)
    if (made === own.numbers.length) return
    this.names.unsubscribe(own.number)
    this.#answer = 'none'
    for (const number of own.numbers.slice(0, made)) this.#control(Kind.unsubscribe, id, number, undefined)
    this.#answer = 'all'
  }

  #unsubscribe({ subscription }: Envelope, id: number): void {
    if (subscription === undefined) throw malformed('subscription is missing: the number that subscribe was answered with')
    const numbers = this.names.subscriptions(subscription)
    this.#controls(Kind.unsubscribe, id, numbers, [])
    this.names.unsubscribe(subscription)
  }

  // The same control frame for each number, until one is refused; the client gets one answer to all. Returns how many were not refused.
  #controls(kind: number, id: number, numbers: readonly number[], bodies: readonly unknown[]): number {
    let done = 0
    this.#wasRefused = false
    for (const [i, number] of numbers.entries()) {
      this.#answer = i === numbers.length - 1 ? 'all' : 'refusals'
      this.#control(kind, id, number, bodies[i])
      if (this.#wasRefused) break
      done++
    }
    this.#answer = 'all'
    return done
  }

  #control(kind: number, id: number, ref: number, body: unknown): void {
    this.#ingress.control(this.#connection, { kind, id, ref, body })
  }
}

function lastWord({ type, isMany, receipt }: Envelope): LastWord {
  if (type === 'request') return isMany ? 'end' : 'answer'
  // That of a queue comes when it has stored the message.
  return receipt !== undefined || type === 'broadcast' ? 'receipt' : 'answer'
}

function headersOf({ id: mid, sender, sentAt, headers, ttlMs, receipt }: Envelope): Record<string, unknown> {
  return {
    ...headers,
    ...(mid === undefined ? {} : { mid: String(mid) }),
    ...(sender === undefined ? {} : { sender }),
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    ...(receipt === 'delivered' ? { receipt } : {}),
  }
}

// Text that nests a few thousand levels deep can be read, but not written.
function payloadText(payload: unknown): string {
  try {
    return JSON.stringify(payload)
  } catch (error) {
    throw new BrokerError('payload.malformed', { kind: 'JSON', problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}
