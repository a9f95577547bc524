// Requests and their answers: who may answer, who waits, what is told when nobody does.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import { Slice, type Sink } from './ground/slice.ts'
import { account, whole, type Publisher } from './publisher.ts'
import type { Route } from './routing/route.ts'
import { OpenRequests, type OpenRequest, type RequestEnd, type RequestParty } from './session/open-requests.ts'
import { Offset } from './wire/layout.ts'
import { asGrouped } from './wire/regroup.ts'

export class Requester {
  readonly #core: Core
  readonly #publisher: Publisher
  readonly open: OpenRequests

  constructor(core: Core, publisher: Publisher) {
    this.#core = core
    this.#publisher = publisher
    this.open = new OpenRequests(core.deadlines, {
      ended: (request, end) => this.#ended(request, end),
      cancelled: (request, responder) => this.#cancelled(request, responder),
    })
  }

  /** An allowed, stamped request; returns how many may answer. */
  request(connection: Connection, route: Route, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number): number {
    const { limits } = this.#core.settings.ipc
    if ((connection.openRequests?.size ?? 0) >= limits.maxOpenRequests) {
      route.receivers.account.rejected++
      this.#core.refuse(connection, id, new BrokerError('request.limit', { limit: limits.maxOpenRequests }))
      return 0
    }
    const limitMs = takeTimeout(bytes, start, this.#core.settings.ipc.timeoutMs)
    const slice = new Slice(bytes, start, end, 1, route.receivers.account)
    const deliveries = this.#deliveries(connection, route, slice)
    connection.receivedMessages++
    account(route.receivers.account, 1, deliveries.length)
    this.#core.record(timeMicros, connection.number, id, Kind.request, route.subject, slice, deliveries.length)
    if (deliveries.length === 0) {
      this.#core.send(connection, { kind: Kind.error, ref: id, subject: route.subject, body: new BrokerError('request.no_responders', { subject: route.subject }).toBody() })
      return 0
    }
    // Opened before it is delivered: the broker's own methods may answer within the delivery.
    const responders = deliveries.map(([sink]) => sink).filter((sink): sink is Connection => sink !== this.#core.service)
    const isMany = ((bytes[start + Offset.flags]! << 8) & Flag.many) !== 0
    if (responders.length > 0) this.open.open({ requester: connection, id, subject: route.subject, account: route.receivers.account, limitMs, isMany, responders })
    for (const [sink, slice] of deliveries) this.#publisher.deliver(connection, sink, slice)
    return deliveries.length
  }

  /** A stamped response, part or error by a client. */
  answer(connection: Connection, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number): void {
    const kind = bytes[start + Offset.kind]!
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start)
    const to = view.getUint32(Offset.to)
    const ref = view.getUint32(Offset.ref) * 2 ** 32 + view.getUint32(Offset.ref + 4)
    const requester = this.#core.directory.number(to)
    const request = this.open.awaited(requester, ref, connection)
    if (requester === undefined || request === undefined) {
      this.#core.accounts.outside.rejected++
      this.#core.refuse(connection, id, new BrokerError('request.not_open', { to, ref }))
      return
    }
    connection.receivedMessages++
    account(request.account, 1, 1)
    const slice = new Slice(bytes, start, end, 1, request.account)
    this.#core.record(timeMicros, connection.number, id, kind, request.subject, slice, 1)
    if (kind === Kind.part) this.open.part(request, connection)
    this.#publisher.deliver(connection, requester, slice)
    if (kind !== Kind.part) this.open.answered(request, connection)
  }

  #deliveries(connection: Connection, route: Route, slice: Slice): [Sink, Slice][] {
    const { plain, exceptSender } = route.receivers
    const { bytes, start, end, account: charged } = slice
    const deliveries: [Sink, Slice][] = []
    const skipsSender = exceptSender || !connection.echo
    for (const sink of plain) if (!skipsSender || sink !== connection) deliveries.push([sink, slice])
    if (route.isUniform) return deliveries
    this.#publisher.pick(connection, route, bytes, start, end, (sink, subscription) => {
      deliveries.push([sink, subscription === undefined ? slice : whole(asGrouped(bytes, start, end, subscription), charged)])
    })
    return deliveries
  }

  #ended(request: OpenRequest, end: RequestEnd): void {
    const { subject, limitMs, isMany, responses, id } = request
    const requester = request.requester as Connection
    if (isMany && (end === 'complete' || responses > 0)) {
      this.#core.send(requester, { kind: Kind.end, ref: id, subject, body: { responses, reason: end === 'timeout' ? 'timeout' : 'complete' } })
      return
    }
    const error = end === 'timeout' ? new BrokerError('request.timeout', { subject, limitMs }) : new BrokerError('request.responder_gone', { subject })
    this.#core.send(requester, { kind: Kind.error, ref: id, subject, body: error.toBody() })
  }

  #cancelled(request: OpenRequest, responder: RequestParty): void {
    const connection = responder as Connection
    if (connection.state === 'ready') this.#core.send(connection, { kind: Kind.cancel, to: request.requester.number, ref: request.id, subject: request.subject })
  }
}

// The time allowed travels with the request, so that the responder knows it too.
function takeTimeout(bytes: Uint8Array, start: number, defaultMs: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start + Offset.to, 4)
  const asked = view.getUint32(0)
  if (asked > 0) return asked
  view.setUint32(0, defaultMs)
  return defaultMs
}
