// One message's way through the broker: accept, admit, judge, route, deliver, account. Composes the parts; each step is
// a file of its own.

import { Admission, handshakeFrameBytes, processCheck } from './admission.ts'
import { Backpressure } from './backpressure.ts'
import { BusConnection, JoinedBusGate } from './bus-gate.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { Consuming } from './consuming.ts'
import { Core } from './core.ts'
import { ForeignPublisher } from './foreign-publisher.ts'
import type { ControlMessage, Dialect, ForeignMessages, Ingress, OwnSubscription } from './ground/control.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import type { HandedOver } from './ground/handover.ts'
import { kindName, Kind } from './ground/kind.ts'
import type { DropReason } from './ground/fate.ts'
import type { Sink, Slice } from './ground/slice.ts'
import type { Link } from './ground/types.ts'
import { Notices } from './notices.ts'
import type { PipelineOptions } from './pipeline-options.ts'
import { arrive, type ArrivingParts } from './arriving.ts'
import { cutOff } from './cut-off.ts'
import { Departing } from './departing.ts'
import { LameDuck } from './lame-duck.ts'
import { returned, takeLent } from './lent-memory.ts'
import { lastReceipts } from './last-receipts.ts'
import { heartbeats, type Heartbeat } from './heartbeat.ts'
import { dropReasonOf, Losses } from './losses.ts'
import { MonitoredConnection } from './monitored-connection.ts'
import { readAck, readSubscribe, type Subscribe } from './protocol/bodies.ts'
import { Preparation, type Prepared } from './preparation.ts'
import { Posting } from './posting.ts'
import { Publisher } from './publisher.ts'
import { publishChanges } from './registry-events.ts'
import { Requester } from './requester.ts'
import { Retiring } from './retiring.ts'
import { Sessions } from './sessions.ts'
import { Standstill } from './standstill.ts'
import { Subscribing } from './subscribing.ts'
import { Offset } from './wire/layout.ts'

/** Connections over the limit that are told so; more are cut off at once. */
const MAX_TURNED_AWAY = 64

export class Pipeline implements Ingress<Connection>, ConnectionOwner {
  readonly core: Core
  readonly notices: Notices
  readonly lameDuck: LameDuck
  readonly retiring: Retiring
  /** Sessions on their way to another process of this broker. */
  readonly departing: Departing
  readonly #options: PipelineOptions
  readonly #sessions: Sessions
  readonly #admission: Admission
  readonly #backpressure: Backpressure
  readonly #publisher: Publisher
  readonly #foreign: ForeignPublisher
  readonly #requester: Requester
  readonly #posting: Posting
  readonly #subscribing: Subscribing
  readonly #consuming: Consuming
  readonly #heartbeats: readonly Heartbeat[]
  /** Where dialects hand over what came: a stage in front of this one when there is work for threads. */
  readonly #ingress: Ingress<Connection>
  readonly #losses: Losses
  /** Every link, admitted or not. */
  readonly #connections = new Set<Connection>()
  /** While another process takes over. */
  readonly standstill = new Standstill(this.#connections)
  /** Those over the limit, until their first byte says in which dialect to tell them so. */
  readonly #turnedAway = new Set<Connection>()

  constructor(options: PipelineOptions, service: (pipeline: Pipeline) => Sink) {
    this.#options = options
    this.core = new Core(options)
    this.core.service = service(this)
    publishChanges(this.core)
    this.#sessions = new Sessions(this.core, (connection) => {
      this.#requester.open.desert(connection)
      this.core.registering.reach(connection)
    })
    this.departing = new Departing(this.core, this.#sessions)
    this.#admission = new Admission(this.core, processCheck(options.settings, options.isOwnAgent), this.#sessions, (fresh, to) => this.#passOn(fresh, to), (connection, isIncomplete) => this.#consuming.resumed(connection, isIncomplete), options.userOf)
    this.#backpressure = new Backpressure(this.core)
    this.#publisher = new Publisher(this.core, this.#backpressure)
    this.#requester = new Requester(this.core, this.#publisher)
    this.#posting = new Posting(this.core, this.#publisher, this.#requester)
    this.#foreign = new ForeignPublisher(this.core, this.#publisher, this.#requester)
    this.#subscribing = new Subscribing(this.core)
    this.#consuming = new Consuming(this.core, this.#publisher, this.#requester.open)
    this.retiring = new Retiring(this.core.registering, this.#subscribing, this.#consuming)
    this.#heartbeats = heartbeats(this.core)
    this.#losses = new Losses(this.core)
    this.notices = new Notices(this.core, options.dialects)
    this.lameDuck = new LameDuck(this.core, this.notices)
    for (const heartbeat of this.#heartbeats) heartbeat.start()
    const { security, performance } = this.core.settings.ipc
    this.#ingress = security.validateSignature || performance.compressionEnabled ? new Preparation(this.core, this.#publisher, this) : this
  }

  get openRequests(): number {
    return this.#requester.open.size
  }

  /** Subscriptions that can see messages of the channel. */
  subscribers(channel: string): number {
    return this.#subscribing.below(channel)
  }

  /** Takes a new link; undefined when it was cut off at once. */
  accept(link: Link): Connection | undefined {
    if (this.standstill.hasLeft || (this.lameDuck.isActive && link.protocol === 'nats')) return cutOff(link)
    if (this.#connections.size >= this.#options.maxConnections + MAX_TURNED_AWAY) {
      this.core.trail.refused(link.peer.address, 'connection.limit')
      return cutOff(link)
    }
    const connection = new Connection(this.core.nextNumber(), link, this.core.flusher, this, this.core.clock.monotonicMs())
    this.#connections.add(connection)
    this.core.counts.links++
    // Who is on the way out keeps nobody out.
    if (this.#connections.size - this.core.endingConnections > this.#options.maxConnections) this.#turnedAway.add(connection)
    this.#admission.begin(connection)
    link.attach(connection)
    this.core.onConnectionEvent(connection, 'accepted')
    connection.dialect = this.#options.dialects.known(connection, this.#ingress)
    const greeting = this.#options.dialects.greet(connection)
    if (greeting !== undefined) this.core.sendBytes(connection, greeting)
    if (connection.dialect !== undefined && this.#turnedAway.has(connection)) this.#turnAway(connection)
    this.standstill.came(connection)
    return connection
  }

  /** Makes the connection that leads to other brokers; it is there until its link ends. `number`: that of the process of this broker before this one. */
  join(link: Link, dialect: Dialect, number = this.core.nextNumber()): JoinedBusGate {
    const connection = new BusConnection(number, link, this.core.flusher, this, this.core.clock.monotonicMs())
    this.#connections.add(connection)
    link.attach(connection)
    return new JoinedBusGate(connection, dialect, { core: this.core, publisher: this.#publisher, requester: this.#requester, subscribing: this.#subscribing, backpressure: this.#backpressure })
  }

  /** Sessions that were in another process of this broker, before the first link; how many came. */
  arrive(state: HandedOver, agents: Pick<ArrivingParts, 'isFormer' | 'onFormer'>): number {
    const parts = { ...agents, core: this.core, sessions: this.#sessions, subscribing: this.#subscribing, requests: this.#requester.open, dialects: this.#options.dialects, ingress: this.#ingress, owner: this, maxFrameBytes: this.#admission.maxFrameBytes }
    return arrive(parts, state)
  }

  /** Links whose clients have not said who they are yet. */
  get unadmitted(): number {
    let count = 0
    for (const { state } of this.#connections) if (state === 'handshake') count++
    return count
  }

  /** Before connections are ended: see lastReceipts. */
  lastReceipts(limitMs: number): Promise<void> {
    return lastReceipts(this.core, limitMs)
  }

  /** Settings that may change while it runs have changed. */
  settingsChanged(): void {
    this.core.settingsAtMs = this.core.clock.monotonicMs()
    for (const heartbeat of this.#heartbeats) heartbeat.start()
    this.notices.tellAll()
  }

  /** Cuts off what is left; the pipeline is of no use afterwards. */
  close(): void {
    for (const heartbeat of this.#heartbeats) heartbeat.stop()
    for (const connection of this.#connections) connection.link.destroy()
    this.core.trail.close()
    this.core.deadlines.close()
  }

  // ConnectionOwner

  begin(connection: Connection, chunk: Uint8Array, endsMessage: boolean): void {
    // An empty message begins nothing.
    const dialect = this.#options.dialects.begin(chunk[0] ?? 0, connection, this.#ingress, handshakeFrameBytes(connection.link))
    if (dialect === undefined) {
      // In no dialect that it would understand: the end of the stream says it, and the log.
      return this.core.end(connection, new BrokerError('frame.bad_preamble', { actual: `0x${chunk[0]!.toString(16).padStart(2, '0')}` }))
    }
    connection.dialect = dialect
    if (this.#turnedAway.has(connection)) this.#turnAway(connection)
    else dialect.received(chunk, endsMessage)
  }

  #turnAway(connection: Connection): void {
    this.core.end(connection, new BrokerError('connection.limit', { limit: this.#options.maxConnections }))
  }

  ended(connection: Connection, problem?: BrokerError): void {
    const end = (): void => {
      // Without a goodbye it may come back for its session; so may one that fell silent.
      if (problem === undefined || problem.code === 'connection.stale') this.core.lose(connection, problem)
      else this.core.end(connection, problem)
    }
    if (connection.ingressQueue === undefined) end()
    else connection.ingressQueue.add(0, 0, end)
  }

  relieved(connection: Connection): void {
    this.#backpressure.release(connection)
    this.#consuming.changed(connection)
  }

  overflowed(connection: Connection): void {
    if (connection.state === 'ready') this.#backpressure.exhaust(connection, 0)
  }

  lost(connection: Connection, slice: Slice, reason: DropReason, isContinued: boolean): void {
    this.#losses.add(connection, slice, reason, isContinued)
  }

  gapNotice(connection: Connection): Slice | undefined {
    return this.#losses.notice(connection)
  }

  late(connection: Connection, after: number, to: number): void {
    this.core.recorder.late(connection.number, after + 1, to, this.core.clock.wallMicros())
  }

  expiresAt(connection: Connection, monotonicMs: number): void {
    connection.expiry ??= new Deadline(() => connection.outbound.expire())
    this.core.deadlines.set(connection.expiry, monotonicMs - this.core.clock.monotonicMs())
  }

  gone(connection: Connection, problem: Error | undefined): void {
    if (connection.state === 'gone') return
    if (connection.state === 'ready' && connection.outlivesLink) return this.#detach(connection)
    if (connection.state === 'closing') this.core.endingConnections--
    connection.state = 'gone'
    connection.ingressQueue?.drop()
    connection.closeReason ??= problem === undefined ? undefined : new BrokerError('connection.lost', { problem: problem.message }, { cause: problem })
    this.core.departed.add(new MonitoredConnection(connection), connection.closeReason?.code, this.core.clock.monotonicMs())
    this.#connections.delete(connection)
    this.#sessions.forget(connection)
    this.#turnedAway.delete(connection)
    this.#admission.leave(connection)
    this.#subscribing.leave(connection)
    // Before what waits for it is dropped: nothing more is meant for it then.
    this.#consuming.leave(connection)
    this.core.registering.leave(connection)
    connection.dialect?.closed?.()
    this.core.directory.remove(connection)
    this.#abandon(connection, dropReasonOf(connection.closeReason))
    this.core.lossLog.look(this.core.clock.monotonicMs(), connection, true)
    this.#backpressure.release(connection)
    this.core.queues.load.forget(connection)
    if (connection.expiry !== undefined) this.core.deadlines.cancel(connection.expiry)
    this.#requester.open.leave(connection)
    if (connection.permissions !== undefined) this.core.addressesChanged()
    if (connection === this.core.busConnection) this.core.busConnection = undefined
    this.core.trail.gone(connection)
    this.core.onConnectionEvent(connection, 'closed')
  }

  // The link broke; the session stays.
  #detach(connection: Connection): void {
    this.#connections.delete(connection)
    connection.ingressQueue?.drop()
    connection.ingressQueue = undefined
    this.#backpressure.release(connection)
    this.#requester.open.desert(connection)
    this.#sessions.detach(connection)
    this.core.registering.reach(connection)
    this.#consuming.changed(connection)
  }

  // Its link is another connection's from now on.
  #passOn(fresh: Connection, to: Connection): void {
    fresh.link.attach(to)
    this.gone(fresh, undefined)
    this.#connections.add(to)
  }

  takeLent(connection: Connection, number: number, bytes: number): Uint8Array {
    return takeLent(this.core, connection, number, bytes)
  }

  // What it had not taken is lost, and found again by whoever asks.
  #abandon(connection: Connection, reason: DropReason): void {
    const { number, client, outbound } = connection
    const { writtenRun, pendingMessages } = outbound
    outbound.close(reason)
    if (connection.permissions === undefined) return
    this.core.departures.add(number, { client, writtenRun, reason })
    if (pendingMessages > 0) this.core.recorder.abandoned(writtenRun)
  }

  // Ingress

  run(connection: Connection, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, subjectStart: number, subjectEnd: number, timeMicros: number, isReceipted: boolean): void {
    // An earlier run of the same chunk may have ended it.
    if (connection.state !== 'ready') return
    if (this.core.settings.ipc.security.validateSignature) {
      if (!this.#publisher.takeIds(connection, firstId, count)) return
      this.core.accounts.outside.rejected += count
      return this.core.refuse(connection, firstId, new BrokerError('auth.signature_missing'), count)
    }
    const posted = isReceipted ? this.#posting : this.#publisher
    posted.run(connection, bytes, start, end, count, firstId, subjectStart, subjectEnd, timeMicros)
  }

  message(connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified = false, prepared?: Prepared): void {
    if (connection.state === 'ready') return this.#posting.message(connection, bytes, start, end, timeMicros, isVerified, prepared)
    if (connection.state === 'handshake') this.core.end(connection, new BrokerError('handshake.expected', { expected: 'hello', actual: kindName(bytes[start + Offset.kind]!) }))
  }

  foreign(connection: Connection, messages: ForeignMessages): number {
    return connection.state === 'ready' ? this.#foreign.publish(connection, messages) : -1
  }

  subscribe(connection: Connection, subscription: OwnSubscription): void {
    if (connection.state === 'ready') this.#subscribing.subscribeOwn(connection, subscription)
  }

  unsubscribe(connection: Connection, number: number): void {
    if (connection.state === 'ready') this.#unsubscribe(connection, number)
  }

  recount(connection: Connection, number: number): void {
    this.#subscribing.recount(connection, number)
  }

  control(connection: Connection, message: ControlMessage): void {
    if (connection.state === 'handshake') return this.#admission.step(connection, message)
    if (connection.state !== 'ready') return
    const { kind, id, ref } = message
    if (kind === Kind.hello && connection.link.protocol === 'nats') return this.#admission.again(connection, message)
    if (id > connection.lastId) connection.lastId = id
    if (kind === Kind.ping) this.core.send(connection, { kind: Kind.pong, ref: id })
    else if (kind === Kind.cancel) this.#requester.open.cancel(connection, ref)
    else if (kind === Kind.goodbye) this.core.ended(connection)
    else if (kind === Kind.ack || kind === Kind.pull || kind === Kind.settle) this.#told(connection, message)
    else if (kind === Kind.subscribe || kind === Kind.unsubscribe) this.#subscription(connection, message)
    else if (kind === Kind.returned) returned(connection, ref)
    else if (kind === Kind.pong) connection.activity.ponged(this.core.clock.monotonicMs())
    else this.core.refuse(connection, id, new BrokerError('frame.unsupported', { feature: `${kindName(kind)} after the handshake` }))
  }

  refuse(connection: Connection, ref: number, error: BrokerError): void {
    if (connection.state === 'handshake') return this.core.end(connection, error)
    if (connection.state !== 'ready') return
    this.core.accounts.outside.rejected++
    this.core.refuse(connection, ref, error)
  }

  fail(connection: Connection, error: BrokerError): void {
    this.core.end(connection, error)
  }

  // What is answered by nothing, or later.
  #told(connection: Connection, message: ControlMessage): void {
    const { kind, id, body } = message
    try {
      if (kind === Kind.ack) this.#confirm(connection, readAck(body))
      else if (kind === Kind.pull) this.#consuming.pull(connection, message)
      else this.#consuming.settle(connection, message)
    } catch (error) {
      this.core.refuse(connection, id, BrokerError.from(error))
    }
  }

  #confirm(connection: Connection, received: number): void {
    this.#sessions.confirm(connection, received)
    this.departing.confirmed(connection)
  }

  #subscription(connection: Connection, { kind, id, ref, body }: ControlMessage): void {
    try {
      const more = kind === Kind.subscribe ? this.#subscribe(connection, ref, readSubscribe(body)) : this.#unsubscribe(connection, ref)
      // Subscriptions go along to another process, consumers do not.
      const isConsumer = more !== undefined
      const answered = this.core.unanswered.add(connection, id, isConsumer ? 'anew' : 'done', ref)
      this.core.bus.settled(() => {
        answered()
        this.core.send(connection, { kind: Kind.ok, ref: id, body: { subscription: ref, ...more } })
      })
    } catch (error) {
      this.core.refuse(connection, id, BrokerError.from(error))
    }
  }

  // What the client is told beside the number.
  #subscribe(connection: Connection, number: number, asked: Subscribe): { readonly ackWaitMs: number } | undefined {
    this.#subscribing.checkNumber(connection, number)
    if (asked.consume) return this.#consuming.subscribe(connection, number, asked)
    this.#subscribing.subscribe(connection, number, asked)
    return undefined
  }

  #unsubscribe(connection: Connection, number: number): undefined {
    if (!this.#consuming.unsubscribe(connection, number)) this.#subscribing.unsubscribe(connection, number)
  }
}
