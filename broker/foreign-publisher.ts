// Publishing of messages that came in the form of another protocol: the same steps, without a frame. Each receiver's side
// makes of them what it needs.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ForeignMessages } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import type { MessageTrace } from './ground/message-trace.ts'
import { Slice } from './ground/slice.ts'
import { applyOptions, detailsOf, readOptions, type Asked } from './message-options.ts'
import type { Publisher } from './publisher.ts'
import type { RunDetails } from './observe/recorder.ts'
import type { Requester } from './requester.ts'
import type { Route } from './routing/route.ts'
import { follow, traceOf } from './tracing.ts'
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
    const { bytes, start, end, count, subjectStart, subjectEnd } = messages
    const firstId = connection.lastId + 1
    connection.lastId += count
    messages.origin = connection.number
    messages.firstId = firstId
    if (this.#core.settings.ipc.security.validateSignature) return this.#refuse(connection, firstId, count, new BrokerError('auth.signature_missing'))
    if (isReplySubject(bytes, subjectStart, subjectEnd)) return this.#answer(connection, messages)
    const route = this.#publisher.route(connection, bytes, subjectStart, subjectEnd, firstId, count)
    if (route === undefined || !this.#publisher.mayPublish(connection, route, firstId, count)) return -1
    const slice = new Slice(bytes, start, end, count, route.receivers.account)
    slice.foreign = messages
    const headers = messages.headers()
    if (headers === undefined) return this.#deliver(connection, route, slice, messages)
    try {
      const asked: Asked = { flags: 0, options: readOptions(headers), zstd: undefined, authorisedMicros: 0 }
      applyOptions(this.#core, connection, slice, firstId, asked)
      const trace = this.#trace(connection, route.subject, messages, headers)
      follow(trace, slice)
      const receivers = this.#deliver(connection, route, slice, messages, detailsOf(asked))
      trace?.routed(receivers)
      return receivers
    } catch (error) {
      return this.#refuse(connection, firstId, count, BrokerError.from(error))
    } finally {
      this.#core.traced = undefined
    }
  }

  #deliver(connection: Connection, route: Route, slice: Slice, messages: ForeignMessages, details?: RunDetails): number {
    const { firstId, timeMicros } = messages
    // The reply subject is a text to be made: not for those who get it as it stands.
    const reply = route.receivers.answersFrames ? messages.reply : undefined
    if (reply === undefined) return this.#publisher.publish(connection, route, slice, firstId, timeMicros, details)
    return this.#requester.requestForeign(connection, route, slice, messages, reply, details)
  }

  // Answers to a native request. That it waits for this client is all the permission that it takes.
  #answer(connection: Connection, messages: ForeignMessages): number {
    const { bytes, subjectStart, subjectEnd, firstId, count, timeMicros } = messages
    const request = requestOf(text.decode(bytes.subarray(subjectStart, subjectEnd)))
    if (request === undefined) return this.#refuse(connection, firstId, count, new BrokerError('permission.denied', { principal: connection.permissions!.name, action: 'publish to', subject: text.decode(bytes.subarray(subjectStart, subjectEnd)) }))
    let id = firstId
    const headers = messages.headers()
    for (const frame of messages.answers(request.to, request.ref)) {
      if (headers !== undefined) this.#trace(connection, '', messages, headers)
      this.#requester.answer(connection, frame, 0, frame.length, id++, timeMicros, undefined)
      this.#core.traced = undefined
    }
    return 1
  }

  #trace(connection: Connection, subject: string, { reply, firstId, payloadBytes, timeMicros }: ForeignMessages, headers: Headers): MessageTrace | undefined {
    const { tracer, broker, incarnation } = this.#core
    if (tracer === undefined) return undefined
    const kind = subject === '' ? Kind.response : reply === undefined ? Kind.publish : Kind.request
    return (this.#core.traced = traceOf(tracer, connection, { kind, subject, id: firstId, headers, payload: { length: payloadBytes } }, `${broker}.${incarnation}`, timeMicros))
  }

  #refuse(connection: Connection, firstId: number, count: number, error: BrokerError): number {
    this.#core.accounts.outside.rejected += count
    this.#core.refuse(connection, firstId, error, count)
    return -1
  }
}
