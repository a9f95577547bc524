// Publishing of messages that came in the form of another protocol: the same steps, without a frame. Each receiver's side
// makes of them what it needs.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ForeignMessages } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import type { ServiceTarget } from './ground/registry.ts'
import { Kind } from './ground/kind.ts'
import { PayloadType } from './ground/payload-type.ts'
import { Slice } from './ground/slice.ts'
import { AnsweredIntake, RunIntake, type IntakeOptions } from './message-intake.ts'
import { applyOptions, detailsOf, readOptions, serviceWish, type Asked, type MessageOptions } from './message-options.ts'
import type { Publisher } from './publisher.ts'
import type { RunDetails } from './observe/recorder.ts'
import { readQueueOptions } from './queue-options.ts'
import type { Requester } from './requester.ts'
import { follow, traceOf, type TracedMessage } from './tracing.ts'
import { isReplySubject, requestOf } from './wire/nats/reply-subject.ts'

type Headers = Readonly<Record<string, unknown>>

const text = new TextDecoder()

export class ForeignPublisher {
  readonly #core: Core
  readonly #publisher: Publisher
  readonly #requester: Requester

  constructor(core: Core, publisher: Publisher, requester: Requester) {
    this.#core = core
    this.#publisher = publisher
    this.#requester = requester
  }

  /** Publishes them; returns how many receivers each has, summed where they differ; -1 when they were refused. */
  publish(connection: Connection, messages: ForeignMessages): number {
    const { count } = messages
    const firstId = connection.lastId + 1
    connection.lastId += count
    messages.origin = connection.number
    messages.firstId = firstId
    if (this.#core.settings.ipc.security.validateSignature) return this.#refuse(connection, firstId, count, new BrokerError('auth.signature_missing'))
    const headers = messages.headers()
    if (headers === undefined) return this.#route(connection, messages, undefined)
    const { tracer, broker, incarnation } = this.#core
    if (tracer !== undefined) this.#core.traced = traceOf(tracer, connection, tracedMessage(messages, headers), `${broker}.${incarnation}`, messages.timeMicros)
    try {
      return this.#route(connection, messages, readOptions(headers))
    } catch (error) {
      return this.#refuse(connection, firstId, count, BrokerError.from(error))
    } finally {
      this.#core.traced = undefined
    }
  }

  #route(connection: Connection, messages: ForeignMessages, options: MessageOptions | undefined): number {
    const { bytes, start, end, count, subjectStart, subjectEnd, firstId, timeMicros, reply } = messages
    if (isReplySubject(bytes, subjectStart, subjectEnd)) return this.#answer(connection, messages)
    const route = this.#publisher.route(connection, bytes, subjectStart, subjectEnd, firstId, count)
    if (route === undefined || !this.#publisher.mayPublish(connection, route, firstId, count)) return -1
    const slice = new Slice(bytes, start, end, count, route.receivers.account)
    slice.foreign = messages
    const { queue, instances } = route.receivers
    if (instances !== undefined && !this.#takeWish(connection, messages, instances)) return -1
    if (queue !== undefined && !this.#prepareQueue(connection, messages, slice, queue.name, options)) return -1
    // What wants an answer is asked again.
    if (reply === undefined && this.#core.deduplication.isRepeat(route, options?.mid)) {
      this.#core.wish = undefined
      return 0
    }
    let details: RunDetails | undefined
    if (options !== undefined) {
      const asked: Asked = { flags: 0, options, zstd: undefined, authorisedMicros: 0 }
      applyOptions(this.#core, connection, slice, firstId, asked)
      details = detailsOf(asked)
      follow(this.#core.traced, slice)
    }
    const receivers = reply === undefined || queue !== undefined || !route.receivers.answersFrames ? this.#publisher.publish(connection, route, slice, firstId, timeMicros, details) : this.#requester.requestForeign(connection, route, slice, messages, reply, details)
    this.#core.traced?.routed(receivers)
    this.#core.wish = undefined
    return receivers
  }

  // False: it was refused.
  #takeWish(connection: Connection, messages: ForeignMessages, instances: ServiceTarget): boolean {
    const { version, affinity } = messages.wish()
    const wish = serviceWish(version, affinity)
    try {
      if (wish !== undefined) instances.check(wish)
    } catch (thrown) {
      const error = BrokerError.from(thrown)
      this.#refuse(connection, messages.firstId, messages.count, error)
      if (messages.reply !== undefined) this.#core.send(connection, { kind: Kind.error, ref: messages.firstId, body: error.toBody(), replyTo: messages.reply })
      return false
    }
    this.#core.wish = wish
    return true
  }

  // What the queue is told; its client, who asks for an answer by a reply subject, gets the queue's, and no responder is asked.
  // False: it was refused.
  #prepareQueue(connection: Connection, messages: ForeignMessages, slice: Slice, queue: string, options: MessageOptions | undefined): boolean {
    const { reply, firstId, count, storeAnswers } = messages
    messages.isQueued = true
    try {
      const asked = messages.queueHeaders(queue)
      const mid = options?.queue?.['mid']
      const intake: IntakeOptions = { mid: options?.mid, ttlMs: options?.ttlMs ?? 0, queue: readQueueOptions(mid === undefined ? asked : { ...asked, mid }) }
      if (reply !== undefined) slice.intake = new AnsweredIntake(this.#core, connection, firstId, intake, reply, storeAnswers)
      else if (options !== undefined || asked !== undefined) slice.intake = new RunIntake(this.#core, connection, firstId, intake)
      return true
    } catch (thrown) {
      const error = BrokerError.from(thrown)
      slice.account.rejected += count
      this.#core.refuse(connection, firstId, error, count)
      if (reply !== undefined) this.#core.send(connection, { kind: Kind.response, flags: PayloadType.bytes, replyTo: reply, payload: storeAnswers.refused(queue, error) })
      return false
    }
  }

  // Answers to a native request. That it waits for this client is all the permission that it takes.
  #answer(connection: Connection, messages: ForeignMessages): number {
    const { firstId, count, timeMicros } = messages
    const subject = subjectOf(messages)
    const request = requestOf(subject)
    if (request === undefined) return this.#refuse(connection, firstId, count, new BrokerError('permission.denied', { principal: connection.permissions!.name, action: 'publish to', subject }))
    let id = firstId
    for (const frame of messages.answers(request.to, request.ref)) this.#requester.answer(connection, frame, 0, frame.length, id++, timeMicros, undefined)
    return 1
  }

  #refuse(connection: Connection, firstId: number, count: number, error: BrokerError): number {
    this.#core.accounts.outside.rejected += count
    this.#core.refuse(connection, firstId, error, count)
    return -1
  }
}

function subjectOf({ bytes, subjectStart, subjectEnd }: ForeignMessages): string {
  return text.decode(bytes.subarray(subjectStart, subjectEnd))
}

function tracedMessage(messages: ForeignMessages, headers: Headers): TracedMessage {
  const { bytes, subjectStart, subjectEnd, reply, firstId: id, payloadBytes: length } = messages
  const kind = isReplySubject(bytes, subjectStart, subjectEnd) ? Kind.response : reply === undefined ? Kind.publish : Kind.request
  return { kind, subject: subjectOf(messages), id, headers, payload: { length } }
}
