// SendMessage: one message as a frame, and what comes about it as the result.

import type { Metadata } from '@grpc/grpc-js'
import { BrokerError, errorTable } from '../broker/ground/errors.ts'
import { Flag, Kind } from '../broker/ground/kind.ts'
import { encodePayload } from '../broker/ground/payload.ts'
import { PayloadType } from '../broker/ground/payload-type.ts'
import { parseSubject } from '../broker/ground/subject.ts'
import type { FrameInit } from '../broker/wire/frame.ts'
import { bodyOf, type ConnectionEnd, type Waiter } from './connection-end.ts'
import { EventWriter, payloadNames, type Names } from './events.ts'
import { headersOf } from './headers.ts'
import type { ErrorText, Event, Message, SendResult } from './messages.ts'

/** Longest time that a request may be given; the broker knows no longer one. ms */
const MAX_TIMEOUT_MS = 3_600_000

export interface Sending {
  readonly end: ConnectionEnd
  readonly message: Message
  readonly metadata: Metadata
  /** ms since the epoch; Infinity: none */
  readonly deadline: number
  readonly names: Names
  /** Most bytes of answers that one call collects. */
  readonly maxAnswerBytes: number
}

/** A call under way. */
export interface Sent {
  readonly result: Promise<SendResult>
  /** Its caller waits no longer. */
  cancel(): void
}

/**
 * Publishes or asks.
 * @throws BrokerError `grpc.bad_message`, `channel.not_found`, `subject.invalid`; what the broker refuses rejects the result
 */
export function send(sending: Sending): Sent {
  const { message, names, end, metadata } = sending
  const { kind } = message
  if (kind !== 'KIND_DEFAULT' && kind !== 'KIND_PUBLISH' && kind !== 'KIND_REQUEST') throw bad(`kind ${kind} needs reply_to`)
  const subject = subjectOf(message, names)
  const headers = headersOf(message, metadata)
  const isRequest = kind === 'KIND_REQUEST' || (kind === 'KIND_DEFAULT' && message.to === 'service')
  if (message.many && !isRequest) throw bad('many is for requests')
  const frame: FrameInit = {
    kind: isRequest ? Kind.request : Kind.publish,
    flags: payloadTypeOf(message) | (isRequest ? (message.many ? Flag.many : 0) : Flag.receipt),
    subject,
    payload: message.payload,
    ...(headers === undefined ? {} : { headers }),
    ...(isRequest ? { to: timeoutOf(sending.deadline) } : {}),
  }
  const { promise, resolve, reject } = Promise.withResolvers<SendResult>()
  const abandon = (): void => {
    if (isRequest) end.cancel(id)
  }
  const waiter = isRequest ? answers(sending, { resolve, reject, abandon }) : receiptWaiter(sending, resolve, reject, () => id)
  const id: number = end.send(frame, waiter)
  return { result: promise, cancel: abandon }
}

/** The frame by which a request is answered. @throws BrokerError `grpc.bad_message` */
export function answerFrame(message: Message, metadata: Metadata, origin: number, id: number): FrameInit {
  const kind = message.kind === 'KIND_PART' ? Kind.part : message.kind === 'KIND_ERROR' ? Kind.error : Kind.response
  if (message.kind === 'KIND_PUBLISH' || message.kind === 'KIND_REQUEST') throw bad(`kind ${message.kind} has no reply_to`)
  const headers = headersOf(message, metadata)
  const isError = kind === Kind.error
  return {
    kind,
    to: origin,
    ref: id,
    flags: isError ? PayloadType.msgpack : payloadTypeOf(message),
    payload: isError ? encodePayload(errorBody(message.error)).bytes : message.payload,
    ...(headers === undefined ? {} : { headers }),
  }
}

// A code that is not in the table is the application's own, and rides in the details as it does from clients of the SDK.
function errorBody(error: ErrorText | null): object {
  if (error === null || error.message === '') throw bad('KIND_ERROR needs error.message')
  const { code, message } = error
  const isKnown = Object.hasOwn(errorTable, code)
  return { code: isKnown ? code : 'request.failed', message, retryable: error.retryable, details: { message, ...(isKnown || code === '' ? {} : { code }) } }
}

function subjectOf({ to, subject = '', channel = '', service = '' }: Message, names: Names): string {
  switch (to) {
    case 'subject':
      parseSubject(subject)
      return subject
    case 'channel':
      names.checkChannel(channel)
      return channel
    case 'service':
      parseSubject(service)
      return `$CB.to.service.${service}`
    default:
      throw bad('it says not where it goes: set subject, channel, service or reply_to')
  }
}

function payloadTypeOf({ payloadType }: Message): number {
  const type = payloadNames.indexOf(payloadType)
  // The library gives a number that the proto does not name as it is.
  if (type < 0) throw bad(`payload_type ${payloadType} is unknown`)
  return type
}

function timeoutOf(deadline: number): number {
  return deadline === Infinity ? 0 : Math.min(MAX_TIMEOUT_MS, Math.max(1, Math.floor(deadline - Date.now())))
}

function receiptWaiter({ end, names }: Sending, resolve: (result: SendResult) => void, failed: (error: BrokerError) => void, id: () => number): Waiter {
  return {
    answered(frame) {
      resolve({ messageId: names.textId(end.welcome!.origin, id()), ...(bodyOf(frame) as ReceiptBody) })
      return true
    },
    failed,
  }
}

function answers({ names, maxAnswerBytes, message }: Sending, { resolve, reject, abandon }: { resolve: (result: SendResult) => void; reject: (error: BrokerError) => void; abandon: () => void }): Waiter {
  const parts: Event[] = []
  let bytes = 0
  return {
    answered(frame) {
      const { kind } = frame
      if (kind === Kind.end) {
        resolve({ parts, ended: String((bodyOf(frame) as { readonly reason?: unknown }).reason) })
        return true
      }
      // A request to a queue is confirmed before it is answered.
      if (kind !== Kind.response && kind !== Kind.part) return false
      bytes += frame.payload.length
      if (bytes > maxAnswerBytes) {
        abandon()
        reject(new BrokerError('frame.too_large', { actualBytes: bytes, limitBytes: maxAnswerBytes }))
        return true
      }
      // The event outlives the frame, whose payload is the broker's memory.
      const event = { ...new EventWriter(names).event(frame), payload: new Uint8Array(frame.payload) }
      if (kind === Kind.part || message.many) {
        parts.push(event)
        return false
      }
      resolve({ reply: event, ...(parts.length === 0 ? {} : { parts }) })
      return true
    },
    failed: reject,
  }
}

interface ReceiptBody {
  readonly receivers?: number
  readonly written?: number
  readonly forwarded?: number
  readonly dropped?: Readonly<Record<string, number>>
  readonly stored?: { readonly queue: string; readonly position: number; readonly duplicate?: boolean }
  readonly duplicate?: boolean
}

function bad(problem: string): BrokerError {
  return new BrokerError('grpc.bad_message', { problem })
}
