// Writes frames as envelopes, one line each. What is the same for every receiver is written once per slice.

import { BrokerError } from '../../broker/ground/errors.ts'
import { toJsonValue } from '../../broker/ground/json-value.ts'
import { Flag, Kind, kindName } from '../../broker/ground/kind.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import type { PayloadType } from '../../broker/ground/payload-type.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { decodeFrame, type Frame, type Headers } from '../../broker/wire/frame.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'

/** What the writer asks of the broker. */
export interface Names {
  /** Client id of a connection, or what stands for it. */
  nameOf(origin: number): string
  /** Name of the channel that owns a subject. */
  channelOf(subject: string): string | undefined
  /** `broker.incarnation.origin.id` */
  textId(origin: number, id: number): string
}

/** What one receiver calls things: its own request ids, its own subscription numbers. */
export interface ReceiverNames {
  /** Its id for the request `ref`, answered with `kind`. */
  request(kind: number, ref: number): string | number | undefined
  subscription(number: number): number
}

const utf8 = new TextEncoder()

/** What a message's envelope becomes for a receiver, where a dialect has forms of its own. */
type Shape<R extends ReceiverNames> = (envelope: Readonly<Record<string, unknown>>, frame: Frame, own: R) => object

export class JsonWriter<R extends ReceiverNames = ReceiverNames> {
  readonly #names: Names
  readonly #shape: Shape<R>
  // Receivers of a fan-out follow each other.
  #lastSlice: Slice | undefined
  #lastLines: Slice | undefined

  constructor(names: Names, shape: Shape<R> = (envelope) => envelope) {
    this.#names = names
    this.#shape = shape
  }

  /** The slice's messages as lines, for a receiver that calls things by `own`. */
  translate(slice: Slice, own: R): Slice {
    if (slice === this.#lastSlice) return this.#lastLines!
    let isShared = true
    let lines = ''
    for (let start = slice.start; start < slice.end; ) {
      const end = frameEnd(slice.bytes, start)
      const frame = decodeFrame(slice.bytes, start, end)
      // What is the receiver's own stands in all but publishes.
      isShared &&= frame.kind === Kind.publish
      lines += `${JSON.stringify(this.#shape(this.#envelope(frame, own), frame, own))}\n`
      start = end
    }
    // Its time to live, its place in the recorder and whoever watches it stay the same.
    const translated = slice.rewritten(utf8.encode(lines))
    this.#lastSlice = isShared ? slice : undefined
    this.#lastLines = translated
    return translated
  }

  #envelope(frame: Frame, own: R): Readonly<Record<string, unknown>> {
    const { kind, subject, headers, origin, id, time, flags } = frame
    const { mid, sender, sentAt, sig: _, ...others } = headers ?? {}
    const channel = this.#names.channelOf(subject)
    const isAnswer = kind === Kind.response || kind === Kind.part || kind === Kind.error
    return {
      version: '1.0',
      id: isName(mid) ? mid : this.#names.textId(origin, id),
      type: typeOf(kind, subject),
      ...(channel === undefined ? {} : { channel }),
      ...(subject === '' ? {} : { subject }),
      ...(isAnswer ? { ref: own.request(kind, frame.ref) } : {}),
      ...(kind === Kind.request ? { replyTo: replyAddress(origin, id), timeout: frame.to } : {}),
      ...((flags & Flag.grouped) === 0 ? {} : { subscription: own.subscription(frame.ref) }),
      ...payloadMembers(frame),
      ...headerMembers(others),
      timestamp: Math.floor(time / 1000),
      ...(Number.isFinite(sentAt) ? { sentAt } : {}),
      sender: sender ?? this.#names.nameOf(origin),
    }
  }
}

/** How a responder names the request that it answers: `<origin>.<id>`. */
export function replyAddress(origin: number, id: number): string {
  return `${origin}.${id}`
}

function typeOf(kind: number, subject: string): string {
  if (kind === Kind.publish || kind === Kind.grouped) return subject === '$CB.all' ? 'broadcast' : 'event'
  return kindName(kind)
}

// Other clients may put anything under these names.
function isName(value: unknown): value is string | number {
  return typeof value === 'string' || Number.isSafeInteger(value)
}

// As with the payload below: one header that JSON cannot say does not cost the message.
function headerMembers(headers: Headers): { headers?: unknown; problem?: object } {
  if (Object.keys(headers).length === 0) return {}
  try {
    return { headers: toJsonValue(headers) }
  } catch (error) {
    return { problem: BrokerError.from(error).toBody() }
  }
}

// A payload that JSON cannot say is told as such: the message still arrives, and says what is wrong with it.
function payloadMembers({ flags, payload }: Frame): { payload: unknown; problem?: object } {
  try {
    return { payload: payload.length === 0 ? null : toJsonValue(decodePayload((flags & Flag.payloadType) as PayloadType, payload)) }
  } catch (error) {
    return { payload: null, problem: BrokerError.from(error).toBody() }
  }
}
