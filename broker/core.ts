// The parts of a broker that its steps share, and the few things that every step does: send, refuse, end.

import { randomInt } from 'node:crypto'
import { AuditTrail } from './audit-trail.ts'
import type { Connection, ConnectionEvent } from './connection.ts'
import { Deduplication } from './deduplication.ts'
import { Flusher } from './delivery/flusher.ts'
import { outboundLimits } from './delivery/marks.ts'
import { noAudit, type Audit } from './ground/audit.ts'
import { embeddedBus, type Bus } from './ground/bus.ts'
import type { Clock } from './ground/clock.ts'
import type { BrokerMessage } from './ground/control.ts'
import { Deadline, Deadlines } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import type { MessageTrace, MessageTracer } from './ground/message-trace.ts'
import type { ServiceTarget, ServiceWish } from './ground/registry.ts'
import type { Settings } from './ground/settings.ts'
import { Account, Slice, type Sink, type Subscriber } from './ground/slice.ts'
import { USER_INFO } from './ground/subject.ts'
import type { Leases } from './ground/leases.ts'
import type { Presence } from './ground/presence.ts'
import type { Log, Principal } from './ground/types.ts'
import { instanceLink } from './instance-link.ts'
import { Departed } from './monitoring/departed.ts'
import { Accounts } from './observe/accounts.ts'
import { Departures } from './observe/departures.ts'
import { Histogram } from './observe/histogram.ts'
import { LossLog } from './observe/loss-log.ts'
import { Previews } from './observe/previews.ts'
import { QueueHistory } from './observe/queue-history.ts'
import { Recorder } from './observe/recorder.ts'
import { RefusedMessages } from './observe/refused-messages.ts'
import { CpuPool } from './pool/cpu-pool.ts'
import { QueueFigures } from './queue-figures.ts'
import type { Queue } from './queues/queue.ts'
import { Queues } from './queues/queues.ts'
import { StoreLoad } from './queues/store-load.ts'
import { Channels } from './registry/channels.ts'
import { LocalLeases } from './registry/local-leases.ts'
import { Registry } from './registry/registry.ts'
import { Interest } from './routing/interest.ts'
import { findReceivers, type InterestEntry, type RoutingContext } from './routing/receivers.ts'
import type { Receivers } from './routing/route.ts'
import { Routes } from './routing/routes.ts'
import { Authenticator, type Proofs } from './security/authenticator.ts'
import { NatsAuthenticator } from './security/nats-authenticator.ts'
import { NarrowedPermissions } from './security/narrowed-permissions.ts'
import { Permissions } from './security/permissions.ts'
import { previewOf } from './selection.ts'
import { Registering } from './registering.ts'
import { StoredReceipts } from './stored-receipts.ts'
import { UnansweredFrames } from './unanswered-frames.ts'
import { frameEnd } from './wire/regroup.ts'
import { Directory } from './session/directory.ts'

export interface CoreOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  /** Id of the home, 8 to 32 characters. */
  readonly broker: string
  /** Grows with each start. */
  readonly incarnation: number
  /** default: nothing is written down */
  readonly audit?: Audit
  /** Makes spans of traced messages; undefined: nothing is traced. */
  readonly tracer?: MessageTracer | undefined
  /** Told of edges in the life of connections. */
  readonly onConnectionEvent: (connection: Connection, event: ConnectionEvent) => void
}

/** Time for the last bytes of a connection to leave. ms */
const CLOSE_GRACE_MS = 1000

/** Frames of the broker's own are not messages: they are counted nowhere. */
export const controlAccount = new Account()

export class Core implements RoutingContext {
  readonly settings: Settings
  readonly clock: Clock
  /** On the monotonic clock. */
  readonly startedAtMs: number
  /** When settings were read, at the start or since. Monotonic, ms */
  settingsAtMs: number
  readonly log: Log
  readonly broker: string
  readonly incarnation: number
  readonly audit: Audit
  /** Tells the audit log of connections. */
  readonly trail: AuditTrail
  readonly tracer: MessageTracer | undefined
  /** Of the message that is worked on, when it is traced. */
  traced: MessageTrace | undefined = undefined
  /** Likewise, what it asks of the choice among instances. */
  wish: ServiceWish | undefined = undefined
  readonly deadlines: Deadlines
  readonly flusher: Flusher
  readonly interest = new Interest<InterestEntry>()
  readonly routes: Routes
  readonly directory = new Directory<Connection>()
  readonly channels: Channels
  /** Instances under their names. */
  readonly registry: Registry
  /** Those of the channels of mode `queue`. */
  readonly queues: Queues
  /** Connections as their owners. */
  readonly registering: Registering
  readonly queueHistory: QueueHistory
  readonly deduplication: Deduplication
  readonly storedReceipts = new StoredReceipts(this)
  /** What was settled, or subscribed to, and waits for a store or other brokers. */
  readonly unanswered = new UnansweredFrames()
  /** What they count, for metrics. */
  readonly queueFigures = new QueueFigures()
  readonly accounts = new Accounts()
  readonly recorder: Recorder
  readonly refusedMessages = new RefusedMessages()
  readonly departures = new Departures()
  readonly departed = new Departed()
  /** Since the start: links, admitted or not, and subscriptions. */
  readonly counts = { links: 0, subscribed: 0, unsubscribed: 0 }
  readonly previews = new Previews()
  readonly deliveryLatency = new Histogram()
  readonly lossLog: LossLog
  readonly authenticator: Authenticator
  /** Of NATS clients. */
  readonly natsAuthenticator: NatsAuthenticator
  /** Threads for what takes long; closed until its actor runs. */
  readonly pool: CpuPool
  /** What its tasks waited beside the work itself. */
  readonly poolWait = new Histogram()
  readonly onConnectionEvent: CoreOptions['onConnectionEvent']
  /** Set once by the pipeline, before the first connection. */
  service!: Sink
  /** What carries messages beyond this process. Set, where there is something, before the first connection. */
  bus: Bus = embeddedBus
  /** The connection through which it does; undefined: there is none. It is addressed by nobody. */
  busConnection: Connection | undefined
  /** Where the clients of other brokers are; undefined: there are no others. Set, like the next one, before the first connection. */
  presence: Presence | undefined
  /** Who is the only one to do something, here or among all that are joined. */
  leases: Leases
  /** Has agents of another process of this broker make room for those of this one; undefined: there are none. */
  relief: { came(fresh: Connection, former: Connection): void } | undefined
  /** Another process of this broker serves its clients now: that they are not here says nothing of them. */
  hasMoved = false
  /** Its clients are told to go to another process of this broker, are held for it, or there: that they do not answer says nothing of them. */
  isMoving = false
  /** How often that came to nothing, and all went on here. */
  failedMoves = 0
  /** Connections that were told to go and are not gone. */
  endingConnections = 0
  readonly narrowed = new NarrowedPermissions(() => this.routes.invalidateAll())
  #lastNumber = 0
  #lastEventId = 0
  readonly #indexes = new Map<string, number>()
  /** By their index: the newest of each principal's. */
  readonly #permissions: Permissions[] = []

  constructor(options: CoreOptions) {
    const { settings, clock, log } = options
    const { limits, performance } = settings.ipc
    this.settings = settings
    this.clock = clock
    this.startedAtMs = this.settingsAtMs = clock.monotonicMs()
    this.leases = new LocalLeases(clock, options.incarnation)
    this.log = log
    this.lossLog = new LossLog(log)
    this.broker = options.broker
    this.incarnation = options.incarnation
    this.audit = options.audit ?? noAudit
    this.tracer = options.tracer
    this.onConnectionEvent = options.onConnectionEvent
    this.deadlines = new Deadlines(clock, { onError: (error) => log.error({ err: BrokerError.from(error) }, 'a deadline failed') })
    const { maxPendingBytes, maxPendingMessages, overflow } = limits
    this.flusher = new Flusher(outboundLimits(maxPendingBytes, maxPendingMessages, overflow), performance.bufferBytes, () => clock.monotonicMs(), (sinceMs, beganMs, endedMs) => this.#flushed(sinceMs, beganMs, endedMs))
    const dependsOnLast = (prefix: readonly string[]): boolean => this.interest.namesNext(prefix) || this.#permissions.some((each) => each.namesNext(prefix)) || this.narrowed.namesNext(prefix)
    this.routes = new Routes({ build: (subject) => findReceivers(this.interest, this, subject), dependsOnLast }, randomInt(2 ** 31))
    this.recorder = new Recorder(settings.recorder.entries)
    this.channels = new Channels(settings.queue.enabled)
    this.registry = new Registry({ settings: settings.registry, wallMs: () => Math.floor(clock.wallMicros() / 1000), onNames: () => this.routes.invalidate(['$CB']) })
    this.registering = new Registering(this)
    this.queueHistory = new QueueHistory(() => clock.wallMicros())
    this.queues = new Queues({
      backend: settings.store.backend,
      log,
      load: new StoreLoad(),
      notes: this.queueHistory,
      frameEnd,
      nextNumber: () => this.nextNumber(),
      dropped: (run, queue, reason, count) => this.recorder.dropped(run, queue, reason, count, clock.wallMicros(), false),
    })
    this.deduplication = new Deduplication(this)
    this.authenticator = new Authenticator(clock)
    this.natsAuthenticator = new NatsAuthenticator(this.authenticator, clock, settings.nats)
    this.pool = new CpuPool({ threads: settings.pool.threads, log, onWait: (micros) => this.poolWait.record(micros) })
    this.trail = new AuditTrail({ audit: this.audit, log, deadlines: this.deadlines, isKnown: (principal) => this.authenticator.knows(principal), monotonicMs: () => clock.monotonicMs() })
  }

  /** The last that was given. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /** Numbers go on behind `last`, of the process of this broker before this one. Called once, before the first. */
  continueNumbers(last: number): void {
    this.#lastNumber = last
  }

  /** A number for a connection, or for a queue, which stands among receivers like one: never used again. */
  nextNumber(): number {
    return ++this.#lastNumber
  }

  /** Gives a principal its credential, or a new one. */
  addPrincipal(principal: Principal, proofs: Proofs): Permissions {
    // The index stays with the name: verdicts are remembered by it, and agents come again and again.
    const index = this.#indexes.get(principal.name) ?? this.narrowed.newIndex()
    this.#indexes.set(principal.name, index)
    const permissions = new Permissions(principal, index)
    this.#permissions[index] = permissions
    this.routes.invalidateAll()
    this.authenticator.add(permissions, proofs)
    return permissions
  }

  /** The id of the next message that the broker itself publishes. */
  nextEventId(): number {
    return ++this.#lastEventId
  }

  accountOf(subject: readonly string[]): Account {
    if ((subject[0] === '$CB' && subject[1] === 'api') || (subject[0] === '$SYS' && subject.join('.') === USER_INFO)) return this.accounts.methods
    const channel = this.channels.owner(subject)
    return (channel && this.accounts.channel(channel.name)) ?? this.accounts.outside
  }

  isBroadcast(subject: readonly string[]): boolean {
    return this.channels.owner(subject)?.mode === 'broadcast'
  }

  queueOf(subject: readonly string[]): Queue | undefined {
    const channel = this.channels.owner(subject)
    return channel?.mode === 'queue' ? this.queues.find(channel.name) : undefined
  }

  addressed(kind: string, id: string): Subscriber | undefined {
    return this.directory.addressed(kind, id)
  }

  registered(name: string): ServiceTarget | undefined {
    return this.registry.service(name)
  }

  *everyone(): Iterable<Subscriber> {
    for (const connection of this.directory.all()) if (connection !== this.busConnection) yield connection
  }

  /** Connections came or went: what is addressed, or broadcast to all, goes elsewhere now. */
  addressesChanged(): void {
    this.routes.invalidate(['$CB'])
    for (const { name, mode } of this.channels.list()) if (mode === 'broadcast') this.routes.invalidate(name.split('.'))
  }

  /**
   * Remembers a run before it is delivered: in the recorder always, with the beginning of its payload while tracing is
   * on. Not calls of the broker's methods: `trace` would show itself. `target` as the recorder has it.
   */
  record(timeMicros: number, origin: number, firstId: number, kind: number, subject: string, slice: Slice, receivers: number, target: number, exceptSender: boolean): void {
    if (slice.account === this.accounts.methods) return
    slice.run = this.recorder.next
    if (this.previews.isEnabled) this.previews.keep(slice.run, previewOf(slice))
    this.recorder.record(timeMicros, origin, firstId, kind, subject, slice.count, slice.end - slice.start, receivers, target, exceptSender)
  }

  /** Under what the recorder finds the plain receivers of a route again. */
  targetOf(receivers: Receivers): number {
    const { plain } = receivers
    if (plain.length <= 1) return plain.length === 0 ? 0 : plain[0]!.number
    const { snapshots } = this.recorder
    if (receivers.snapshot < snapshots.oldest) receivers.snapshot = snapshots.add(plain)
    return -receivers.snapshot
  }

  /** Sends a frame of the broker's own; before the first byte came there is no dialect to send it in, so nothing is sent. */
  send(connection: Connection, message: BrokerMessage, frames = 1): void {
    const { dialect } = connection
    if (dialect === undefined) return
    const bytes = dialect.encode(message)
    if (bytes.length > 0) this.sendBytes(connection, bytes, frames)
  }

  /** The connection by which an agent's instance is reached; undefined: it has none. */
  instanceLink(instance: string): Connection | undefined {
    return instanceLink(this.directory.ofInstance(instance), this.directory.addressed('agent', instance))
  }

  /** Asks for a sign of life; its answer tells how long the way there and back takes. */
  ping(connection: Connection): void {
    connection.activity.pinged(this.clock.monotonicMs())
    this.send(connection, { kind: Kind.ping })
  }

  /**
   * The same, for whoever supervises an agent's instance: `answered` is called when this very ping is answered. Returns what
   * forgets it; undefined: the instance has no link.
   */
  pingAgent(instance: string, answered: () => void): (() => void) | undefined {
    const connection = this.#agent(instance)
    if (connection?.isReady !== true) return undefined
    this.ping(connection)
    const forget = connection.activity.awaitLast(answered)
    // Whom we do not read cannot be heard.
    if (connection.isUnread) answered()
    return forget
  }

  /**
   * By what a ping of an agent's instance sees it now, for comparison: what was sent before that changed may have been lost, or its answer
   * lies unread. undefined: that there is no answer says nothing, as the instance moves, or was told to come back.
   */
  sightOf(instance: string): string | undefined {
    const connection = this.#agent(instance)
    if (this.isMoving || connection?.isExpected === true) return undefined
    return connection?.isUnread === true ? 'unread' : `${this.failedMoves}`
  }

  /** Sends bytes of the broker's own that are in the connection's dialect already. */
  sendBytes(connection: Connection, bytes: Uint8Array, frames = 1): void {
    connection.outbound.deliver(new Slice(bytes, 0, bytes.length, 0, controlAccount, frames))
  }

  /** Tells the sender that `count` messages from id `ref` on were refused; the connection stays. */
  refuse(connection: Connection, ref: number, error: BrokerError, count = 1): void {
    connection.rejectedMessages += count
    this.traced?.refused(error.code)
    this.refusedMessages.add({ timeMicros: this.clock.wallMicros(), origin: connection.number, firstId: ref, count, code: error.code })
    const body = error.toBody()
    this.send(connection, { kind: Kind.error, ref, body: count === 1 ? body : { ...body, details: { ...body.details, count } } })
  }

  /** Tells why, and ends the connection in order. */
  end(connection: Connection, error: BrokerError): void {
    if (connection.isEnding) return
    connection.closeReason = error
    if (this.trail.ending(connection, error)) this.log.info({ connection: connection.id, client: connection.client, code: error.code, reason: error.details['reason'] }, error.message)
    this.#end(connection, error)
  }

  /** Its link is of no use any more, `error` says why if its client did not end it: a session that outlives links stays. */
  lose(connection: Connection, error: BrokerError | undefined): void {
    if (connection.isReady && connection.outlivesLink) connection.link.destroy()
    else if (error === undefined) this.ended(connection)
    else this.end(connection, error)
  }

  /** Its client ended it: what waits for it still leaves. */
  ended(connection: Connection): void {
    if (!connection.isEnding) this.#end(connection, undefined)
  }

  // Its address is that of the process of the broker before this one, until that is relieved.
  #agent(instance: string): Connection | undefined {
    const named = this.directory.addressed('agent', instance)
    return instanceLink(this.directory.ofInstance(instance), named?.isFormer === true ? undefined : named)
  }

  #flushed(sinceMs: number, beganMs: number, endedMs: number): void {
    this.deliveryLatency.record((endedMs - sinceMs) * 1000)
    const endedMicros = this.clock.wallMicros()
    this.recorder.flushed(endedMicros - (endedMs - beganMs) * 1000, endedMicros)
  }

  // The state first: from here on nothing that the goodbye causes ends it again.
  #end(connection: Connection, error: BrokerError | undefined): void {
    const hasLink = connection.state !== 'detached'
    connection.state = 'closing'
    this.endingConnections++
    this.registering.leave(connection)
    if (connection.deadline !== undefined) this.deadlines.cancel(connection.deadline)
    if (!hasLink) return connection.closed(undefined)
    if (error !== undefined) this.send(connection, { kind: Kind.goodbye, body: error.toBody() })
    this.onConnectionEvent(connection, 'draining')
    connection.outbound.end(error)
    // Read on, to pass it by: its end is what is waited for.
    if (connection.pauses > 0) connection.link.resume()
    connection.deadline = new Deadline(() => connection.link.destroy(connection.closeReason))
    this.deadlines.set(connection.deadline, CLOSE_GRACE_MS)
  }
}
