// Requests and their answers: who may answer, who waits, what is told when nobody does.

import { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ForeignMessages } from './ground/control.ts'
import { BrokerError, type ErrorCode } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import { Slice, type Compressed, type Sink } from './ground/slice.ts'
import { parseSubject } from './ground/subject.ts'
import { account, type Publisher } from './publisher.ts'
import type { RunDetails } from './observe/recorder.ts'
import { Queue } from './queues/queue.ts'
import type { Route } from './routing/route.ts'
import { OpenRequests, type OpenRequest, type ReplyAddress, type RequestEnd, type RequestParty } from './session/open-requests.ts'
import { follow } from './tracing.ts'
import { readUint32, readUint53, writeUint32 } from './wire/integers.ts'
import { Offset } from './wire/layout.ts'
import { answerOn } from './wire/nats/answer-frame.ts'

export class Requester {
  readonly #core: Core
  readonly #publisher: Publisher
  readonly open: OpenRequests

  constructor(core: Core, publisher: Publisher) {
    this.#core = core
    this.#publisher = publisher
    this.open = new OpenRequests(core.deadlines, () => core.directory.all(), {
      ended: (request, end, reason) => this.#ended(request, end, reason),
      cancelled: (request, responder) => this.#cancelled(request, responder),
    })
  }

  /** An allowed, stamped request; returns how many may answer, undefined when it was refused. */
  request(connection: Connection, route: Route, slice: Slice, id: number, timeMicros: number, details?: RunDetails): number | undefined {
    const { limits } = this.#core.settings.ipc
    if ((connection.openRequests?.size ?? 0) >= limits.maxOpenRequests) {
      route.receivers.account.rejected++
      this.#core.refuse(connection, id, new BrokerError('request.limit', { limit: limits.maxOpenRequests }))
      return undefined
    }
    const { bytes, start } = slice
    const limitMs = takeTimeout(bytes, start, this.#core.settings.ipc.timeoutMs)
    const targets = this.#publisher.targets(connection, route, slice)
    const isCutOff = targets.sinks.some(({ number }) => number === this.#core.busConnection?.number)
    // Who has no link cannot answer in time: a request does not wait for sessions.
    targets.keep((sink) => this.#hasLink(sink))
    const { sinks } = targets
    connection.receivedMessages++
    account(slice.account, 1, sinks.length)
    this.#publisher.record(connection, route, slice, Kind.request, id, timeMicros, sinks, details)
    if (sinks.length === 0) {
      // Beyond this broker there may be somebody.
      const error = new BrokerError(isCutOff ? 'bus.down' : 'request.no_responders', { subject: route.subject })
      this.#core.send(connection, { kind: Kind.error, ref: id, subject: route.subject, body: error.toBody() })
      return 0
    }
    // Opened before it is delivered: who answers within the delivery answers an open request. The broker's own methods
    // always answer, and need none.
    if (sinks[0] !== this.#core.service) {
      const isMany = ((bytes[start + Offset.flags]! << 8) & Flag.many) !== 0
      this.open.open({ requester: connection, id, subject: route.subject, subjectBytes: route.bytes, account: slice.account, limitMs, isMany, responders: sinks.map((sink) => this.#partyOf(sink)), reply: undefined, instance: targets.instance })
      for (const sink of sinks) if (sink instanceof Queue) this.#watchQueue(connection, id, sink, slice)
    }
    for (let i = 0; i < sinks.length; i++) this.#publisher.deliver(connection, sinks[i]!, targets.sliceFor(i))
    return sinks.length
  }

  /**
   * An allowed message of a client whose protocol has no requests, but a subject `replyTo` for answers; some of its receivers
   * may answer by frames. Returns the receivers.
   */
  requestForeign(connection: Connection, route: Route, slice: Slice, messages: ForeignMessages, replyTo: string, details?: RunDetails): number {
    const { nats, ipc } = this.#core.settings
    const { firstId: id, timeMicros } = messages
    const replyBytes = subjectBytes(replyTo)
    const mayOpen = replyBytes !== undefined
    if (mayOpen) messages.answerMs = nats.requestTimeoutMs
    const targets = this.#publisher.targets(connection, route, slice)
    targets.keep((sink) => this.#hasLink(sink))
    const { sinks } = targets
    const answering = mayOpen ? sinks.filter(({ answersFrames }) => answersFrames) : []
    // The broker's own methods always answer.
    const responders = answering.filter((sink) => sink !== this.#core.service).map((sink) => this.#connectionOf(sink))
    connection.receivedMessages++
    account(slice.account, 1, sinks.length)
    this.#publisher.record(connection, route, slice, answering.length > 0 ? Kind.request : Kind.publish, id, timeMicros, sinks, details)
    if (responders.length > 0) {
      // Who only listens never answers, and nobody says for how long its client waits: the oldest makes room.
      if ((connection.openRequests?.size ?? 0) >= ipc.limits.maxOpenRequests) this.open.cancelOldest(connection)
      const reply = { subject: replyTo, bytes: replyBytes!, isShared: sinks.length > responders.length }
      this.open.open({ requester: connection, id, subject: route.subject, subjectBytes: route.bytes, account: slice.account, limitMs: nats.requestTimeoutMs, isMany: true, responders, reply, instance: targets.instance })
    }
    for (let i = 0; i < sinks.length; i++) this.#publisher.deliver(connection, sinks[i]!, targets.sliceFor(i))
    return sinks.length
  }

  #hasLink(sink: Sink): boolean {
    if (sink === this.#core.service || sink instanceof Queue) return true
    const connection = this.#connectionOf(sink)
    // Who is on its way here will have one in a moment.
    return connection.isReady || connection.isExpected || (connection === this.#core.busConnection && this.#core.bus.isComing)
  }

  // While a request stands in a queue, the queue is who may answer it, by whoever gets it from there.
  #partyOf(sink: Sink): RequestParty {
    return sink instanceof Queue ? sink : this.#connectionOf(sink)
  }

  // A queue that does not keep the request is no responder.
  #watchQueue(connection: Connection, id: number, queue: Queue, slice: Slice): void {
    const { watch } = slice
    slice.watch = {
      get awaited() {
        return watch?.awaited
      },
      settled: (receiver, fate, count) => {
        watch?.settled(receiver, fate, count)
        const request = receiver === queue.number && fate !== 'stored' ? this.open.awaited(connection, id, queue) : undefined
        if (request === undefined) return
        // That it is not stored was told by an error, which is the answer; of others who may have heard it none is wanted any more.
        if (fate === 'dropped(not-stored)') this.open.cancel(connection, id)
        else this.open.declined(request, queue)
      },
    }
  }

  // A subscription answers through its connection.
  #connectionOf(sink: Sink): Connection {
    return sink instanceof Connection ? sink : this.#core.directory.number(sink.number)!
  }

  /** A stamped response, part or error by a client. */
  answer(connection: Connection, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number, zstd: Compressed | undefined): void {
    const kind = bytes[start + Offset.kind]!
    const to = readUint32(bytes, start + Offset.to)
    const ref = readUint53(bytes, start + Offset.ref)
    const requester = this.#core.directory.number(to)
    const request = this.open.awaited(requester, ref, connection)
    if (requester === undefined || request === undefined) {
      this.#core.accounts.outside.rejected++
      this.#core.refuse(connection, id, new BrokerError('request.not_open', { to, ref }))
      return
    }
    if (!repeatsSubject(bytes, start, request.subjectBytes)) {
      this.#core.accounts.outside.rejected++
      this.#core.refuse(connection, id, new BrokerError('frame.malformed', { problem: `the subject of an answer must be that of the request, "${request.subject}", or empty` }))
      return
    }
    if (kind === Kind.part) this.open.part(request, connection)
    if (request.reply !== undefined) this.#publishAnswer(connection, requester, request, request.reply, bytes, start, end, id, timeMicros)
    else this.#deliverAnswer(connection, requester, request, bytes, start, end, id, timeMicros, zstd)
    if (kind === Kind.part) return
    if (kind === Kind.error) request.instance?.failed()
    // Behind the bus there may be more of them.
    if (request.isMany && connection === this.#core.busConnection) this.open.counted(request)
    else this.open.answered(request, connection)
  }

  #deliverAnswer(connection: Connection, requester: Connection, request: OpenRequest, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number, zstd: Compressed | undefined): void {
    connection.receivedMessages++
    const charged = request.account.isRetired ? this.#core.accounts.outside : request.account
    account(charged, 1, 1)
    const slice = new Slice(bytes, start, end, 1, charged)
    slice.zstd = zstd
    follow(this.#core.traced, slice)
    this.#core.record(timeMicros, connection.number, id, bytes[start + Offset.kind]!, request.subject, slice, 1, requester.number, false)
    if (slice.run >= 0) this.#core.recorder.detail({ to: requester.number, ref: request.id })
    this.#publisher.deliver(connection, requester, slice)
    this.#core.traced?.routed(1)
  }

  // To whoever subscribed to the reply subject, when the client that asks may publish there; else to that client alone. So
  // nobody says by a responder's mouth what it must not say itself. That the request waits is all the permission that the responder needs.
  #publishAnswer(connection: Connection, requester: Connection, request: OpenRequest, reply: ReplyAddress, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number): void {
    const kind = bytes[start + Offset.kind]!
    const frame = answerOn(reply.bytes, bytes, start, end)
    const route = this.#core.routes.find(frame, Offset.subject, Offset.subject + reply.bytes.length).withoutQueue
    const slice = new Slice(frame, 0, frame.length, 1, route.receivers.account)
    follow(this.#core.traced, slice)
    const details = { to: requester.number, ref: request.id }
    const receivers = this.#publisher.mayBeHeard(requester, route)
      ? this.#publisher.publish(connection, route, slice, id, timeMicros, details, kind)
      : this.#answerAlone(connection, requester, route, slice, id, timeMicros, details, kind)
    this.#core.traced?.routed(receivers)
  }

  #answerAlone(connection: Connection, requester: Connection, route: Route, slice: Slice, id: number, timeMicros: number, details: RunDetails, kind: number): number {
    const targets = this.#publisher.targets(connection, route, slice)
    targets.keep(({ number }) => number === requester.number)
    const { sinks } = targets
    connection.receivedMessages++
    account(slice.account, 1, sinks.length)
    this.#publisher.record(connection, route, slice, kind, id, timeMicros, sinks, details)
    for (let i = 0; i < sinks.length; i++) this.#publisher.deliver(connection, sinks[i]!, targets.sliceFor(i))
    return sinks.length
  }

  #ended(request: OpenRequest, end: RequestEnd, reason = ''): void {
    const { subject, limitMs, isMany, responses, id, reply } = request
    const requester = request.requester as Connection
    if (reply !== undefined && (responses > 0 || request.parts > 0 || reply.isShared)) return
    if (isMany && (end === 'complete' || responses > 0)) {
      this.#core.send(requester, { kind: Kind.end, ref: id, subject, body: { responses, reason: end === 'timeout' ? 'timeout' : 'complete' } })
      return
    }
    const error = end === 'timeout' ? new BrokerError('request.timeout', { subject, limitMs }) : new BrokerError(codeOf[end], { subject, reason })
    this.#core.send(requester, { kind: Kind.error, ref: id, subject, body: error.toBody(), ...(reply === undefined ? {} : { replyTo: reply.subject }) })
  }

  #cancelled(request: OpenRequest, responder: RequestParty): void {
    // A queue keeps it all the same: whoever gets it from there may find that nobody waits.
    if (responder instanceof Queue) return
    const connection = responder as Connection
    if (connection.isPresent) this.#core.send(connection, { kind: Kind.cancel, to: request.requester.number, ref: request.id, subject: request.subject })
  }
}

/** What a requester is told that got no answer. */
const codeOf = {
  nobody: 'request.no_responders',
  'responder-gone': 'request.responder_gone',
  'dead-lettered': 'request.dead_lettered',
  // Answers that were wanted and did not come.
  complete: 'request.responder_gone',
} as const satisfies Record<Exclude<RequestEnd, 'timeout'>, ErrorCode>

const utf8 = new TextEncoder()

// undefined for what nobody can subscribe to, so that no answer would arrive.
function subjectBytes(subject: string): Uint8Array | undefined {
  try {
    parseSubject(subject)
    return utf8.encode(subject)
  } catch {
    return undefined
  }
}

// What a responder makes up goes to the requester as it is, so nothing may stand there that no receiver could read.
function repeatsSubject(bytes: Uint8Array, start: number, subject: Uint8Array): boolean {
  const length = bytes[start + Offset.longSubjectLength]!
  if (length === 0) return true
  if (length !== subject.length) return false
  for (let i = 0; i < length; i++) if (bytes[start + Offset.longSubject + i] !== subject[i]) return false
  return true
}

// The time allowed travels with the request, so that the responder knows it too.
function takeTimeout(bytes: Uint8Array, start: number, defaultMs: number): number {
  const asked = readUint32(bytes, start + Offset.to)
  if (asked > 0) return asked
  writeUint32(bytes, start + Offset.to, defaultMs)
  return defaultMs
}
