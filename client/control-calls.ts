// Calls by control frames, which the broker itself answers.

import { decode, encode } from '@msgpack/msgpack'
import type { BrokerError } from '../broker/ground/errors.ts'
import { decodeFrame, type Frame, type FrameInit } from '../broker/wire/frame.ts'
import { Kind, Offset } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Call } from './call.ts'
import { PromiseCall } from './promise-call.ts'
import type { Subscription } from './subscription.ts'

/** A control frame about this session; done when the broker says ok. */
export function controlCall(frame: FrameInit): PromiseCall<Frame> {
  return new PromiseCall({ frame, isBound: true, read: answer => (answer.kind === Kind.ok ? answer : undefined) })
}

/**
 * The frame that announces a subscription. It is sent once per session; one that is lost before the answer settles
 * nothing, as the next one announces it again.
 */
export function subscribeCall(subscription: Subscription, refused: (error: BrokerError) => void): Call {
  const { number, pattern, group, filter } = subscription
  return {
    frame: { kind: Kind.subscribe, ref: number, payload: encode({ pattern, group, filter: filter?.text }, { ignoreUndefined: true }) },
    isAnswered: true,
    isRepeatable: false,
    id: 0,
    sent() {},
    received(frame: Frame) {
      if (frame.kind === Kind.error) refused(errorOf(frame))
      else subscription.confirm()
      return true
    },
    failed(error) {
      if (error.code !== 'connection.lost' && error.code !== 'client.closed') refused(error)
    },
  }
}

/** What the broker says of a queue to its consumer. */
export interface ConsumeAnswer {
  /** ms */
  readonly ackWaitMs?: number
}

/** The frame that announces a consumer of a queue, once per session, as with subscriptions. */
export function consumeCall(number: number, queue: string, told: { confirmed(answer: ConsumeAnswer): void; refused(error: BrokerError): void }): Call {
  return {
    frame: { kind: Kind.subscribe, ref: number, payload: encode({ pattern: queue, consume: true }) },
    isAnswered: true,
    isRepeatable: false,
    id: 0,
    sent() {},
    received(frame: Frame) {
      if (frame.kind === Kind.error) told.refused(errorOf(frame))
      else told.confirmed(frame.payload.length === 0 ? {} : (decode(frame.payload) as ConsumeAnswer))
      return true
    },
    failed(error) {
      if (error.code !== 'connection.lost' && error.code !== 'client.closed') told.refused(error)
    },
  }
}

/** The bytes of a frame that announces a consumer of a queue, or asks for messages to it. */
export function isOfConsumer(bytes: Uint8Array): boolean {
  const kind = bytes[Offset.kind]
  if (kind !== Kind.subscribe) return kind === Kind.pull
  return (decode(decodeFrame(bytes, 0, bytes.length).payload) as { readonly consume?: boolean }).consume === true
}
