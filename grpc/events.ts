// Frames as events: what others sent, as a gRPC client gets it.

import type { BrokerError } from '../broker/ground/errors.ts'
import { Flag, Kind } from '../broker/ground/kind.ts'
import type { Frame } from '../broker/wire/frame.ts'
import { bodyOf, errorOf } from './connection-end.ts'
import { textsOf } from './headers.ts'
import type { ErrorText, Event, PayloadName } from './messages.ts'

/** What is asked of the broker. */
export interface Names {
  /** Client id of a connection, or what stands for it. */
  nameOf(origin: number): string
  /** Name of the channel that owns a subject. */
  channelOf(subject: string): string | undefined
  /** `broker.incarnation.origin.id` */
  textId(origin: number, id: number): string
  /** @throws BrokerError `channel.not_found` */
  checkChannel(name: string): void
}

export const payloadNames: readonly PayloadName[] = ['PAYLOAD_BYTES', 'PAYLOAD_MSGPACK', 'PAYLOAD_JSON', 'PAYLOAD_TEXT']

const kinds: Readonly<Record<number, Event['kind']>> = {
  [Kind.publish]: 'KIND_MESSAGE',
  [Kind.grouped]: 'KIND_MESSAGE',
  [Kind.request]: 'KIND_REQUEST',
  [Kind.response]: 'KIND_RESPONSE',
  [Kind.part]: 'KIND_PART',
  [Kind.error]: 'KIND_ERROR',
  [Kind.gap]: 'KIND_GAP',
  [Kind.cancel]: 'KIND_CANCEL',
}

/** Writes frames as events. Messages of a stream often come from one sender on one subject: names are looked up once in a row. */
export class EventWriter {
  readonly #names: Names
  #origin = -1
  #sender = ''
  #subject = ''
  #channel: string | undefined

  constructor(names: Names) {
    this.#names = names
  }

  /** `replyTo` is what its answer has to name, for requests. The payload is not copied. */
  event(frame: Frame, replyTo?: string): Event {
    const { kind, flags, origin, id, subject, headers, payload, time } = frame
    if (kind === Kind.gap) return gapEvent(frame)
    const mid = headers?.['mid']
    const sender = headers?.['sender']
    // One object of one shape: this is done for every event.
    return {
      kind: kinds[kind]!,
      id: typeof mid === 'string' ? mid : typeof mid === 'number' ? String(mid) : this.#names.textId(origin, id),
      subject,
      channel: subject === '' ? undefined : this.#channelOf(subject),
      sender: typeof sender === 'string' ? sender : this.#nameOf(origin),
      timeUs: time,
      payload,
      payloadType: payloadNames[flags & Flag.payloadType]!,
      headers: headers === undefined ? undefined : textsOf(headers),
      replyTo: kind === Kind.request ? replyTo : undefined,
      timeoutMs: kind === Kind.request ? frame.to : undefined,
      error: kind === Kind.error ? errorText(errorOf(frame)) : undefined,
      grouped: (flags & Flag.grouped) !== 0 || kind === Kind.grouped || undefined,
    }
  }

  /** One turn's names are not the next one's: who left may be somebody else's name by then. */
  forget(): void {
    this.#origin = -1
    this.#subject = ''
  }

  #nameOf(origin: number): string {
    if (origin !== this.#origin) {
      this.#origin = origin
      this.#sender = this.#names.nameOf(origin)
    }
    return this.#sender
  }

  #channelOf(subject: string): string | undefined {
    if (subject !== this.#subject) {
      this.#subject = subject
      this.#channel = this.#names.channelOf(subject)
    }
    return this.#channel
  }
}

/** What is told of a failure. */
function errorText(error: BrokerError): ErrorText {
  return { code: error.code, message: error.message.toWellFormed(), retryable: error.retryable }
}

function gapEvent(frame: Frame): Event {
  const { reason, count } = bodyOf(frame) as { readonly reason?: unknown; readonly count?: unknown }
  return { kind: 'KIND_GAP', gap: { reason: String(reason), count: Number(count) } }
}
