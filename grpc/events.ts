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

/** `replyTo` is what its answer has to name, for requests. The payload is not copied. */
export function eventOf(frame: Frame, names: Names, replyTo?: string): Event {
  const { kind, flags, origin, id, subject, headers, payload, time } = frame
  if (kind === Kind.gap) return gapEvent(frame)
  const mid = headers?.['mid']
  const sender = headers?.['sender']
  const channel = subject === '' ? undefined : names.channelOf(subject)
  const texts = textsOf(headers)
  return {
    kind: kinds[kind]!,
    id: typeof mid === 'string' ? mid : typeof mid === 'number' ? String(mid) : names.textId(origin, id),
    subject,
    ...(channel === undefined ? {} : { channel }),
    sender: typeof sender === 'string' ? sender : names.nameOf(origin),
    timeUs: time,
    payload,
    payloadType: payloadNames[flags & Flag.payloadType]!,
    ...(texts === undefined ? {} : { headers: texts }),
    ...(kind === Kind.request ? { replyTo: replyTo!, timeoutMs: frame.to } : {}),
    ...(kind === Kind.error ? { error: errorText(errorOf(frame)) } : {}),
    ...((flags & Flag.grouped) !== 0 || kind === Kind.grouped ? { grouped: true } : {}),
  }
}

/** What is told of a failure. */
export function errorText(error: BrokerError): ErrorText {
  return { code: error.code, message: error.message.toWellFormed(), retryable: error.retryable }
}

function gapEvent(frame: Frame): Event {
  const { reason, count } = bodyOf(frame) as { readonly reason?: unknown; readonly count?: unknown }
  return { kind: 'KIND_GAP', gap: { reason: String(reason), count: Number(count) } }
}
