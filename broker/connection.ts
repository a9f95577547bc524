// The record of one connection: identity, queues and counters. What happens to it is decided by the pipeline.

import type { AllowedReplies } from './allowed-replies.ts'
import type { Dialect } from './ground/control.ts'
import type { Deadline } from './ground/deadlines.ts'
import type { BrokerError } from './ground/errors.ts'
import type { IngressQueue } from './ground/ingress-queue.ts'
import type { DropReason } from './ground/fate.ts'
import type { Slice, Subscriber } from './ground/slice.ts'
import type { Link, LinkHandler } from './ground/types.ts'
import type { Flusher } from './delivery/flusher.ts'
import type { LossTally } from './loss-tally.ts'
import { Outbound } from './delivery/outbound.ts'
import type { OutboundOwner } from './delivery/outbound-owner.ts'
import type { Route } from './routing/route.ts'
import type { Consumption } from './queues/consumption.ts'
import type { Subscription } from './routing/subscription.ts'
import type { Permissions } from './security/permissions.ts'
import type { KeyObject } from 'node:crypto'
import type { CreditBook } from './session/credit-book.ts'
import type { OpenRequest, RequestParty } from './session/open-requests.ts'
import type { Member } from './session/directory.ts'
import type { Device, Greeting } from './protocol/bodies.ts'
import { compressedSlice } from './variant.ts'
import { Activity } from './activity.ts'

/** Edges that concern the control plane; never raised per message. */
export type ConnectionEvent = 'accepted' | 'authenticated' | 'stalled' | 'relieved' | 'detached' | 'resumed' | 'draining' | 'closed'

/** What a connection asks of its owner. */
export interface ConnectionOwner {
  /** The first bytes came. Sets the dialect. */
  begin(connection: Connection, chunk: Uint8Array, endsMessage: boolean): void
  /** The client sends no more; `problem`: it broke the rules of its link. */
  ended(connection: Connection, problem?: BrokerError): void
  relieved(connection: Connection): void
  overflowed(connection: Connection): void
  lost(connection: Connection, slice: Slice, reason: DropReason, isContinued: boolean): void
  gapNotice(connection: Connection): Slice | undefined
  late(connection: Connection, after: number, to: number): void
  expiresAt(connection: Connection, monotonicMs: number): void
  gone(connection: Connection, problem: Error | undefined): void
  /** @throws BrokerError `memory.unreadable`, `frame.unsupported` */
  takeLent(connection: Connection, number: number, bytes: number): Uint8Array
}

/** What makes its session resumable. */
interface SessionGrant {
  /** 0: the session can go to another process of the broker, and waits for nobody otherwise. */
  readonly ttlMs: number
  readonly secret: string
}

/** Where a connection stands, as the data plane sees and sets it; the chart of its actor follows the events. */
export type ConnectionState = 'handshake' | 'ready' | 'detached' | 'closing' | 'gone'

export class Connection implements LinkHandler, OutboundOwner, Subscriber, RequestParty, Member {
  /** Its `origin`: never reused in an incarnation of the broker. */
  readonly number: number
  /** Another one after a resume. */
  link: Link
  readonly outbound: Outbound
  readonly openedAtMs: number
  readonly activity: Activity
  readonly #owner: ConnectionOwner
  dialect: Dialect | undefined
  state: ConnectionState = 'handshake'
  /** Of the handshake, then of what let it in if that expires, later of the end. */
  deadline: Deadline | undefined
  permissions: Permissions | undefined
  /** When what let it in expires. µs of wall time, 0 = never */
  expiresAtMicros = 0
  /** Subjects on which it may publish because it was asked there; undefined: it has no such leave. */
  replies: AllowedReplies | undefined
  /** Signs and checks this connection's messages when signatures are on. */
  key: KeyObject | undefined
  /** What it was greeted with, on links where the broker speaks first. */
  greeting: Greeting | undefined
  /** What a device says of itself. */
  device: Device | undefined
  client = ''
  program: string | undefined
  agent: string | undefined
  /** The agent's instance that it belongs to: the one that it says it is, or whose credential it has. */
  instance: string | undefined
  /** By it whoever supervises the instance sees and reaches that. */
  isInstanceLink = false
  session = ''
  /** By what its session can be resumed; undefined: it ends with the link. */
  grant: SessionGrant | undefined
  echo = true
  /** It takes compressed payloads. */
  readsZstd = false
  /** What came behind a message that a thread works on; undefined while there is none. */
  ingressQueue: IngressQueue | undefined
  /** The client answers pings. */
  isWatched = false
  /** Something came since the last heartbeat. */
  wasHeard = true
  silentBeats = 0
  /** It goes with its session to another process of the broker when it is told to. */
  moves = false
  /** It did, and its client has not come for it yet: what is meant for it waits. */
  isExpected = false
  /** Of an agent that another process of this broker has started, and that makes room for the one of this process in order. */
  isFormer = false
  /** Last frame id. */
  lastId = 0
  /** That when it came from another process of this broker: while it is the last, its client may not know that it did. */
  arrivedAtId: number | undefined
  lastRoute: Route | undefined
  subscriptions: Map<number, Subscription> | undefined
  /** By their numbers, which are of the same kind; undefined while it never was one. */
  consumers: Map<number, Consumption> | undefined
  openRequests: Map<number, OpenRequest> | undefined
  awaitedAnswers = 0
  /** It is to end without a loss: see Retiring. */
  isRetiring = false
  receivedMessages = 0
  receivedBytes = 0
  rejectedMessages = 0
  /** One receipt may answer several of its messages. */
  readsReceiptRuns = false
  /** What it may send on each subject; undefined: it did not ask to be told. */
  credit: CreditBook | undefined
  /** How many slow receivers it feeds: while above 0 it is not read. */
  pauses = 0
  /** Connections that pause because this one is slow. */
  stalledFeeders: Set<Connection> | undefined
  /** Connections whose credit is held because this one is slow. */
  heldFeeders: Set<Connection> | undefined
  stallDeadline: Deadline | undefined
  /** Its feeders wait for it no longer: what it had taken when that was last looked at. bytes */
  overdueWrittenBytes: number | undefined
  /** What it lost since it was last told, by reason. */
  losses: Map<DropReason, LossTally> | undefined
  /** Of the first message that waits for it and has a time to live. */
  expiry: Deadline | undefined
  /** Why it was ended, for whoever asks afterwards. */
  closeReason: BrokerError | undefined

  constructor(number: number, link: Link, flusher: Flusher, owner: ConnectionOwner, openedAtMs: number) {
    this.number = number
    this.link = link
    this.#owner = owner
    this.openedAtMs = openedAtMs
    this.activity = new Activity(openedAtMs)
    this.outbound = new Outbound(link, flusher, this)
  }

  get id(): string {
    return `conn-${this.number}`
  }

  get answersFrames(): boolean {
    return this.link.protocol === undefined
  }

  get isReady(): boolean {
    return this.state === 'ready'
  }

  /** Admitted and not on its way out; it may be without a link for the moment. */
  get isPresent(): boolean {
    return this.state === 'ready' || this.state === 'detached'
  }

  /** Its session waits for its client when the link breaks. */
  get outlivesLink(): boolean {
    return this.grant !== undefined && this.grant.ttlMs > 0
  }

  /** On its way out, or gone. */
  get isEnding(): boolean {
    return this.state === 'closing' || this.state === 'gone'
  }

  get isHigh(): boolean {
    return this.outbound.isHigh || this.state === 'detached'
  }

  /** Nothing of it is read at present: its client cannot be heard. */
  get isUnread(): boolean {
    return this.pauses > 0 || this.link.isUnread === true
  }

  /** It has leave to answer, or rules for queue groups. */
  get isRestricted(): boolean {
    return this.replies !== undefined || this.permissions?.groups !== undefined
  }

  mayReceive(subject: readonly string[], group?: string): boolean {
    // One that is ending receives nothing: a group passes it over at once.
    return this.isPresent && this.permissions!.mayReceive(subject, group)
  }

  deliver(slice: Slice): boolean {
    if (slice.foreign !== undefined) slice = slice.foreign.native(slice)
    const translate = this.dialect?.translate
    if (translate !== undefined) return this.outbound.deliver(translate(slice))
    return this.outbound.deliver(slice.zstd !== undefined && this.readsZstd ? compressedSlice(slice) : slice)
  }

  received(chunk: Uint8Array, endsMessage: boolean): void {
    this.wasHeard = true
    this.receivedBytes += chunk.length
    if (this.state === 'closing') return
    if (this.dialect === undefined) this.#owner.begin(this, chunk, endsMessage)
    else this.dialect.received(chunk, endsMessage)
  }

  written(): void {
    this.outbound.written()
  }

  ended(problem?: BrokerError): void {
    this.#owner.ended(this, problem)
  }

  closed(problem: Error | undefined): void {
    this.#owner.gone(this, problem)
  }

  takeLent(number: number, bytes: number): Uint8Array {
    return this.#owner.takeLent(this, number, bytes)
  }

  relieved(): void {
    this.#owner.relieved(this)
  }

  overflowed(): void {
    this.#owner.overflowed(this)
  }

  lost(slice: Slice, reason: DropReason, isContinued: boolean): void {
    this.#owner.lost(this, slice, reason, isContinued)
  }

  gapNotice(): Slice | undefined {
    return this.#owner.gapNotice(this)
  }

  late(after: number, to: number): void {
    this.#owner.late(this, after, to)
  }

  expiresAt(monotonicMs: number): void {
    this.#owner.expiresAt(this, monotonicMs)
  }

  /** Called about once a second: sees whether something happened since. */
  look(nowMs: number): void {
    this.activity.look(nowMs, this.receivedMessages + this.outbound.writtenMessages + this.lastId)
  }

  /** Stops reading while it feeds a slow receiver. */
  pause(): void {
    if (this.pauses++ === 0) this.link.pause()
  }

  resume(): void {
    if (--this.pauses === 0) this.link.resume()
    this.ingressQueue?.resumed()
  }
}
