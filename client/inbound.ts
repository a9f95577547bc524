// Sorts what the broker sends: messages to subscriptions, answers to calls, cancels to open requests.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { BrokerError } from '../broker/ground/errors.ts'
import type { Frame } from '../broker/wire/frame.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { OpenCalls } from './call.ts'
import type { Connection } from './connection.ts'
import type { Consumers } from './consumers.ts'
import { Message } from './message.ts'
import { readCredit } from './credit.ts'
import { readGap, type Gap } from './gap.ts'
import { OpenRequests, type SendAnswer } from './open-request.ts'
import { refuseUnheard, type Subscriptions } from './subscriptions.ts'

export interface InboundParts {
  readonly calls: OpenCalls
  readonly subscriptions: Subscriptions
  readonly consumers: Consumers
  readonly deadlines: Deadlines
  readonly sendAnswer: SendAnswer
  /** Told of messages for this client that were lost. */
  readonly gap: (gap: Gap) => void
  /** More may be sent. */
  readonly credit: (subject: string, bytes: number) => void
  /** Told of errors that concern no open call. */
  readonly problem: (error: BrokerError) => void
}

export class Inbound {
  readonly #parts: InboundParts
  readonly #requests: OpenRequests

  constructor(parts: InboundParts) {
    this.#parts = parts
    this.#requests = new OpenRequests(parts.deadlines, parts.sendAnswer)
  }

  receive(frame: Frame, connection: Connection): void {
    switch (frame.kind) {
      case Kind.publish:
        this.#parts.subscriptions.deliver(new Message(frame, connection.welcome))
        break
      case Kind.grouped:
        this.#parts.subscriptions.deliverTo(frame.ref, new Message(frame, connection.welcome))
        break
      case Kind.request:
        this.#request(frame, connection)
        break
      case Kind.leased:
        this.#parts.consumers.receive(frame, connection.welcome, undefined)
        break
      case Kind.leasedRequest:
        // Its field `to` is the consumer: how long it may be answered is the broker's to know.
        this.#parts.consumers.receive(frame, connection.welcome, this.#requests.open({ ...frame, to: 0 }))
        break
      case Kind.cancel:
        this.#requests.cancel(frame.to, frame.ref)
        break
      case Kind.error:
        this.#error(frame)
        break
      case Kind.gap:
        this.#parts.gap(readGap(frame.payload))
        break
      case Kind.credit:
        this.#parts.credit(...readCredit(frame.payload))
        break
      case Kind.receipt:
        this.#parts.calls.receiveRun(frame)
        break
      default:
        // An answer whose call was given up is nobody's; a kind of a later version of the protocol is for nobody here.
        this.#parts.calls.receive(frame)
    }
  }

  /** The session is gone, and with it all requests that came in it. */
  abandoned(error: BrokerError): void {
    this.#requests.endAll(error)
  }

  /** Resolves when every request was answered. */
  idle(): Promise<void> {
    return this.#requests.idle()
  }

  #request(frame: Frame, connection: Connection): void {
    const message = new Message(frame, connection.welcome, this.#requests.open(frame))
    const { subscriptions } = this.#parts
    const isTaken = (frame.flags & Flag.grouped) === 0 ? subscriptions.deliver(message) : subscriptions.deliverTo(frame.ref, message)
    if (!isTaken) refuseUnheard(message)
  }

  #error(frame: Frame): void {
    const { calls, consumers, problem } = this.#parts
    if (frame.origin !== 0) {
      calls.receive(frame)
      return
    }
    const error = errorOf(frame)
    // No answer, but the end of a consumer: its queue is gone, or it is not allowed any more. Answers of the broker's methods, where `to` is their asker, have a subject.
    if (frame.to !== 0 && frame.subject === '' && consumers.refused(frame.to, error)) return
    const count = Number(error.details['count'] ?? 1)
    // Alone it goes to its call, which knows whether it ends it; several at once were refused and never began.
    const isKnown = count > 1 ? calls.refuse(frame.ref, count, error) : calls.receive(frame)
    // Told by the refusal of the consumer already.
    const isLate = error.code === 'request.timeout' || (error.code === 'subscription.unknown' && consumers.isOver(error.details['subscription']))
    if (!isKnown && !isLate) problem(error)
  }
}
