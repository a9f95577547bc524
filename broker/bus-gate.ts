// The connection to other brokers, made by the broker itself: what comes through it is routed like any client's, except that it
// is trusted, and what goes out through it is forwarded. Knows nothing of what the link speaks.
//
//   local publisher ─▶ route ─┬─▶ local receivers              from beyond ─▶ route without queue groups ─▶ local receivers
//                             └─▶ gate.sink (outbound) ─▶ link              └▶ one queue group ─▶ its next member

import type { Backpressure } from './backpressure.ts'
import { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { outboundLimits, type OutboundLimits } from './delivery/marks.ts'
import type { BusArrival, BusGate } from './ground/bus.ts'
import type { Dialect } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import { Slice, type Sink } from './ground/slice.ts'
import { parseSubject } from './ground/subject.ts'
import type { Principal } from './ground/types.ts'
import { applyOptions, detailsOf, readOptions, type Asked } from './message-options.ts'
import { account, type Publisher } from './publisher.ts'
import type { Requester } from './requester.ts'
import type { Group } from './routing/subscription.ts'
import { Route } from './routing/route.ts'
import { Permissions } from './security/permissions.ts'
import type { Subscribing } from './subscribing.ts'
import { follow, traceOf } from './tracing.ts'
import { nativeSlice } from './variant.ts'
import { decodeFrame } from './wire/frame.ts'
import { readUint53 } from './wire/integers.ts'
import { Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'

const EVERYTHING = { allow: ['>'], deny: [] }
const bus: Principal = { name: 'bus.nats', roles: ['system'], publish: EVERYTHING, subscribe: EVERYTHING }
/** No client and no principal of the configuration can be called so: their names have no dot. */
const CLIENT = 'bus.nats'
/** Verdicts are not asked for it. */
const NO_INDEX = -1

const text = new TextDecoder()

/** What a message may grow by as its envelope becomes headers. bytes */
const GROWTH_BYTES = 1024

/** The connection to other brokers. */
export class BusConnection extends Connection {
  /** Largest message that the other end takes. bytes */
  maxBytes = Infinity

  override deliver(slice: Slice): boolean {
    const native = nativeSlice(slice)
    const { bytes, start, end, count } = native
    if (end - start + GROWTH_BYTES <= this.maxBytes || count === 0) return super.deliver(native)
    if (count === 1) {
      this.outbound.drop(native, 'overflow')
      return true
    }
    let isTaken = true
    for (let at = start; at < end; ) {
      const next = frameEnd(bytes, at)
      if (!this.deliver(native.part(bytes, at, next, 1))) isTaken = false
      at = next
    }
    return isTaken
  }
}

interface Parts {
  readonly core: Core
  readonly publisher: Publisher
  readonly requester: Requester
  readonly subscribing: Subscribing
  readonly backpressure: Backpressure
}

export class JoinedBusGate implements BusGate {
  readonly nowhere: Sink
  readonly #connection: BusConnection
  readonly #parts: Parts
  /** While the link is there its publishers wait, however long: its heartbeat says when there is nothing to wait for. */
  #limits: OutboundLimits

  constructor(connection: BusConnection, dialect: Dialect, parts: Parts) {
    const { core } = parts
    this.#connection = connection
    this.#parts = parts
    this.#limits = { ...core.flusher.limits, overflow: 'block' }
    connection.dialect = dialect
    connection.permissions = new Permissions(bus, NO_INDEX)
    connection.client = CLIENT
    connection.echo = false
    connection.outbound.isForwarding = true
    connection.state = 'ready'
    core.directory.add(connection)
    core.busConnection = connection
    this.nowhere = {
      number: connection.number,
      answersFrames: true,
      deliver(slice) {
        connection.outbound.drop(slice, 'link-down')
        return true
      },
    }
  }

  get number(): number {
    return this.#connection.number
  }

  get sink(): Sink {
    return this.#connection
  }

  get mayAsk(): boolean {
    return (this.#connection.openRequests?.size ?? 0) < this.#parts.core.settings.ipc.limits.maxOpenRequests
  }

  get pending(): BusGate['pending'] {
    const { pendingMessages, pendingBytes } = this.#connection.outbound
    return { messages: pendingMessages, bytes: pendingBytes }
  }

  nextId(): number {
    return ++this.#connection.lastId
  }

  wallMicros(): number {
    return this.#parts.core.clock.wallMicros()
  }

  arrived(frame: Uint8Array, group?: { readonly pattern: string; readonly name: string }): BusArrival {
    const { core, publisher, subscribing } = this.#parts
    const connection = this.#connection
    const isRequest = frame[Offset.kind] === Kind.request
    const subjectAt = isRequest ? Offset.longSubject : Offset.subject
    const subjectEnd = subjectAt + frame[subjectAt - 1]!
    const id = readUint53(frame, Offset.id)
    if (connection.isEnding) return { receivers: 0 }
    connection.receivedBytes += frame.length
    const found = group && subscribing.group(group.pattern, group.name)
    const route = group === undefined ? publisher.route(connection, frame, subjectAt, subjectEnd, id, 1)?.withoutQueue : this.#routeTo(found, frame.subarray(subjectAt, subjectEnd))
    if (route === undefined) return { receivers: 0 }
    try {
      return { receivers: this.#route(route, frame, id, isRequest) }
    } catch (error) {
      core.accounts.outside.rejected++
      core.refuse(connection, id, BrokerError.from(error))
      return { receivers: 0 }
    } finally {
      core.traced = undefined
    }
  }

  awaits(to: number, ref: number): boolean {
    const { core, requester } = this.#parts
    return requester.open.awaited(core.directory.number(to), ref, this.#connection) !== undefined
  }

  answered(frame: Uint8Array): void {
    const { requester } = this.#parts
    if (this.#connection.isReady) requester.answer(this.#connection, frame, 0, frame.length, readUint53(frame, Offset.id), readUint53(frame, Offset.time), undefined)
  }

  declined(to: number, ref: number): void {
    const { core, requester } = this.#parts
    const request = requester.open.awaited(core.directory.number(to), ref, this.#connection)
    if (request !== undefined) requester.open.declined(request, this.#connection)
  }

  up(maxBytes: number): void {
    const { core } = this.#parts
    const connection = this.#connection
    connection.maxBytes = maxBytes
    if (connection.state !== 'detached') return
    connection.state = 'ready'
    connection.outbound.attach(connection.link, [], this.#limits)
    core.onConnectionEvent(connection, 'resumed')
    core.routes.invalidateAll()
  }

  window(bytes: number): void {
    const { load } = this.#connection.outbound
    this.#limits = { ...this.#limits, maxWriteBytes: bytes }
    if (this.#connection.state === 'ready') load.limits = this.#limits
  }

  down(holdBytes: number, wasSent = true): void {
    const { core, backpressure, requester } = this.#parts
    const connection = this.#connection
    if (connection.state !== 'ready') return
    connection.state = 'detached'
    if (wasSent) connection.outbound.loseFlight('link-unknown')
    // High-water is three quarters of a limit, and where dropping begins here.
    connection.outbound.detach(outboundLimits(holdBytes / 0.75, 0, 'drop-oldest'), 'link-down')
    backpressure.release(connection)
    requester.open.desert(connection)
    core.onConnectionEvent(connection, 'detached')
    core.routes.invalidateAll()
  }

  notUp(): void {
    if (!this.#connection.isReady) this.#parts.requester.open.desert(this.#connection)
  }

  giveUp(): void {
    this.#connection.outbound.dropWaiting('link-down')
    this.#parts.core.routes.invalidateAll()
  }

  routesChanged(): void {
    this.#parts.core.routes.invalidateAll()
  }

  #route(route: Route, frame: Uint8Array, id: number, isRequest: boolean): number {
    const { core, publisher, requester } = this.#parts
    const connection = this.#connection
    const timeMicros = readUint53(frame, Offset.time)
    const decoded = (frame[Offset.flags + 1]! & Flag.headers) === 0 ? undefined : decodeFrame(frame, 0, frame.length)
    if (decoded !== undefined && core.tracer !== undefined) core.traced = traceOf(core.tracer, connection, decoded, `${core.broker}.${core.incarnation}`, timeMicros)
    const asked: Asked = { flags: 0, options: readOptions(decoded?.headers), zstd: undefined, authorisedMicros: 0 }
    const slice = new Slice(frame, 0, frame.length, 1, route.receivers.account)
    applyOptions(core, connection, slice, id, asked)
    follow(core.traced, slice)
    const receivers = isRequest ? (requester.request(connection, route, slice, id, timeMicros, detailsOf(asked)) ?? 0) : publisher.publish(connection, route, slice, id, timeMicros, detailsOf(asked))
    core.traced?.routed(receivers)
    return receivers
  }

  // Not remembered: what comes for a group goes to nobody else, and its subject has a route of its own.
  #routeTo(group: Group | undefined, subject: Uint8Array): Route | undefined {
    const { core } = this.#parts
    const name = text.decode(subject)
    const tokens = parseSubject(name)
    const receivers = core.accountOf(tokens)
    if (group === undefined) {
      // Its last member left while the message was on its way here.
      account(receivers, 1, 0)
      this.#connection.receivedMessages++
      return undefined
    }
    return new Route(name, tokens, new Uint8Array(subject), 0, { count: 0 }, { plain: [], groups: [group], filtered: [], counting: [], instances: undefined, answersFrames: true, exceptSender: false, account: receivers, queue: undefined, snapshot: 0 })
  }
}
