// One consumer of a queue as the broker knows it: announces it, asks for messages, holds their leases and settles them. Knows no handlers
// and no readers.
//
//   pull n ─▶ credit n ── leased ─▶ held ── settle ─▶ over ── the broker's ok ─▶ confirmed
//                                    │ ▲                └──── it is refused ──┐
//                                    │ └──────────────────────────────────────┘ until the ack wait is over, unless it is extended
//                                    └─ working, each third of the ack wait, while nobody has read it or a handler of ours runs

import { Encoder } from '@msgpack/msgpack'
import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, Headers } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import type { Call } from './call.ts'
import { consumeCall, controlCall } from './control-calls.ts'
import { deferred } from './deferred.ts'
import type { Flow } from './flow.ts'
import type { Welcome } from './handshake.ts'
import { Lease } from './lease.ts'
import type { OpenRequest } from './open-request.ts'
import { attemptOf, QueuedMessage, type LeaseKeeper } from './queued-message.ts'
import type { Session } from './session.ts'
import { Settlement, type SettlementDetails, type SettlementVerdict } from './settlement.ts'
import { Settler } from './settler.ts'
import type { ClientTracing } from './tracing.ts'

// One for all: the library's function makes a new one, with 2 KiB of its own, for every call.
const encoder = new Encoder()

/** A message on lease is extended this often within its ack wait. */
const EXTENSIONS = 3

/** Most messages that may be asked for at a time. */
const MAX_PULL = 1_000_000

/** What consumers have of their client. */
export interface HolderParts {
  readonly session: Session
  readonly flow: Flow
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly tracing: ClientTracing | undefined
  /** Runs a task at the end of the turn. */
  readonly defer: (task: () => void) => void
  readonly problem: (error: BrokerError) => void
  /** A number that no subscription of this client has. */
  readonly nextNumber: () => number
}

/** Who gets the messages. */
export interface HolderUser {
  received(message: QueuedMessage, lease: Lease): void
  /** The broker has confirmed the consumer, in this session. */
  confirmed(): void
  /** The broker refused it; `ended` follows. */
  refused(error: BrokerError): void
  /** It holds nothing any more: refused, or the client closed (undefined: this side did). */
  ended(error: BrokerError | undefined): void
  /** The session is over, and with it every lease; credit is gone too. */
  abandoned(): void
  /** A turn in which something changed is over: it may ask for more. */
  turn(): void
}

export class Holder implements LeaseKeeper {
  readonly queue: string
  readonly number: number
  /** Leases are extended by themselves. */
  readonly #autoExtend: boolean
  readonly #parts: HolderParts
  readonly #user: HolderUser
  readonly #settler: Settler
  readonly #held = new Set<Lease>()
  readonly #detached = deferred<void>()
  readonly #extension = new Deadline(() => this.#extend())
  #ackWaitMs = 0
  #credit = 0
  #isAnnounced = false
  /** The last one, answered or not. */
  #announcement: Call | undefined
  #isDetaching = false
  #isOver = false
  #isTurnScheduled = false

  constructor(queue: string, autoExtend: boolean, user: HolderUser, parts: HolderParts) {
    this.queue = queue
    this.number = parts.nextNumber()
    this.#autoExtend = autoExtend
    this.#user = user
    this.#parts = parts
    this.#settler = new Settler(this.number, parts, { lost: lease => this.#lost(lease), kept: lease => this.#kept(lease) })
  }

  /** Messages that were asked for and have not come. */
  get credit(): number {
    return this.#credit
  }

  /** Messages that are on lease here and not settled. */
  get held(): number {
    return this.#held.size
  }

  /** Nothing more comes of it, and nothing of it is open. */
  get isForgotten(): boolean {
    return this.#isOver && this.#held.size === 0 && this.#settler.open === 0
  }

  /** It asks for nothing more. */
  get isDetaching(): boolean {
    return this.#isDetaching
  }

  get hasConnection(): boolean {
    return this.#parts.session.connection?.isOpen === true
  }

  nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }

  /** Headers with the trace to which what is sent now belongs. */
  traced(headers: Headers | undefined): Headers | undefined {
    const { tracing } = this.#parts
    return tracing === undefined ? headers : tracing.answer(headers)
  }

  /** Tells the broker of it, when there is one: in each session once. */
  announce(): void {
    if (this.#isAnnounced || this.#isDetaching || !this.hasConnection) return
    this.#isAnnounced = true
    this.#announcement = consumeCall(this.number, this.queue, {
      confirmed: ({ ackWaitMs = 0 }) => {
        this.#ackWaitMs = ackWaitMs
        if (this.#autoExtend && this.#held.size > 0) this.#extendLater()
        this.#user.confirmed()
      },
      refused: error => this.refused(error),
    })
    this.#parts.session.submit(this.#announcement)
    this.#user.turn()
  }

  /** A connection is there; what waited for it leaves. */
  opened(): void {
    this.announce()
    this.#settler.flush()
  }

  /** Asks for `count` messages more, 1 and up; nothing without a session in which it is announced. */
  pull(count: number): void {
    if (!this.#isAnnounced || this.#isDetaching) return
    this.#credit += count
    // Without the session there is no credit either, and the next one begins anew.
    this.#parts.session.tell({ kind: Kind.pull, ref: this.number, payload: encoder.encode({ messages: count }) }).catch(() => {})
  }

  receive(frame: Frame, welcome: Welcome, request: OpenRequest | undefined): void {
    this.#credit = Math.max(0, this.#credit - 1)
    const lease = new Lease(this.queue, frame.ref, attemptOf(frame), request, this.nowMs())
    this.#held.add(lease)
    if (this.#autoExtend && this.#held.size === 1) this.#extendLater()
    this.#user.received(new QueuedMessage(frame, welcome, lease, this), lease)
  }

  settle(message: QueuedMessage, lease: Lease, verdict: SettlementVerdict, details?: SettlementDetails): Promise<void> {
    const ended = this.#parts.tracing?.settle(message, verdict)
    const settlement = new Settlement(lease, verdict, ended === undefined ? details : { ...details, ended })
    this.#add(settlement)
    return settlement
  }

  /** Gives back what nobody here has begun: the attempt does not count. */
  release(lease: Lease): void {
    if (lease.state !== 'held') return
    // Refused, it is not extended: nobody here will have it.
    lease.place = 'given'
    this.#add(new Settlement(lease, 'release'))
  }

  /** Calls `turn` at the end of this turn, once. */
  later(): void {
    if (this.#isTurnScheduled) return
    this.#isTurnScheduled = true
    this.#parts.defer(() => {
      this.#isTurnScheduled = false
      this.#settler.flush()
      if (!this.#isDetaching) this.#user.turn()
    })
  }

  /** Asks for nothing more. Resolves when nothing more comes; what is held stays held. */
  detach(): Promise<void> {
    if (!this.#isDetaching) {
      this.#isDetaching = true
      void this.#unsubscribe()
    }
    return this.#detached.promise
  }

  /** Resolves when all that was settled is confirmed, or has failed. */
  settled(): Promise<void> {
    return this.#settler.idle()
  }

  /** The session is over, or the consumer is, in another process of the broker: what was held goes to others. */
  abandoned(): void {
    this.#isAnnounced = false
    // Nobody answers it any more.
    if (this.#announcement !== undefined) this.#parts.session.withdraw(this.#announcement, false)
    this.#announcement = undefined
    this.#credit = 0
    const held = [...this.#held]
    this.#held.clear()
    for (const lease of held) lease.lose()
    this.#settler.abandoned()
    this.#parts.deadlines.cancel(this.#extension)
    this.#user.abandoned()
  }

  /** The broker does not take it, or not any more. */
  refused(error: BrokerError): void {
    this.#user.refused(error)
    this.end(error)
  }

  /** It is over for good. */
  end(error: BrokerError | undefined): void {
    if (this.isForgotten) return
    this.#isDetaching = true
    this.abandoned()
    this.#over()
    this.#user.ended(error)
  }

  async #unsubscribe(): Promise<void> {
    const { session, problem } = this.#parts
    if (this.#isAnnounced && (this.hasConnection || session.isSuspended)) {
      const call = controlCall({ kind: Kind.unsubscribe, ref: this.number })
      session.submit(call)
      await call.promise.catch((error: unknown) => {
        // Without the session there is no consumer either, and where the session went to another process of the broker neither.
        const { code } = BrokerError.from(error)
        if (code !== 'connection.lost' && code !== 'client.closed' && code !== 'subscription.unknown') problem(BrokerError.from(error))
      })
    }
    this.#over()
  }

  #lost(lease: Lease): void {
    lease.lose()
    if (this.#held.delete(lease)) this.later()
  }

  #kept(lease: Lease): void {
    lease.keptMs = this.nowMs()
    this.#held.add(lease)
    this.#extendLater()
    // The next look may come too late for it. Behind whoever waited for the refusal, and says something else of it now.
    this.#parts.defer(() => {
      if (this.#held.has(lease)) this.#look(lease, this.nowMs())
    })
  }

  #over(): void {
    this.#isOver = true
    this.#credit = 0
    this.#detached.resolve()
  }

  #add(settlement: Settlement): void {
    const { lease, verdict } = settlement
    if (lease.state !== 'held') {
      // At the end of the turn, when it is known whether somebody waits for it.
      this.#parts.defer(() => this.#settler.fail(settlement, lease.lostError()))
      return
    }
    if (verdict === 'working') lease.sinceMs = this.nowMs()
    else {
      lease.settle()
      this.#held.delete(lease)
    }
    this.#settler.add(settlement)
    this.later()
  }

  #extendLater(): void {
    if (this.#ackWaitMs > 0 && !this.#extension.isSet) this.#parts.deadlines.set(this.#extension, this.#ackWaitMs / EXTENSIONS)
  }

  // What came or was extended a moment ago has time until the next look, which is still within its ack wait.
  #extend(): void {
    if (this.#held.size === 0) return
    const now = this.nowMs()
    for (const lease of this.#held) this.#look(lease, now)
    this.#extendLater()
  }

  #look(lease: Lease, now: number): void {
    if (this.#ackWaitMs === 0) return
    const isExtended = this.#autoExtend && lease.place !== 'given'
    if (isExtended && now - lease.sinceMs >= this.#ackWaitMs / EXTENSIONS / 2) this.#add(new Settlement(lease, 'working'))
    // Nobody may ever settle it again, such as a handler that has returned; it must not count for ever.
    else if (!isExtended && now - Math.max(lease.sinceMs, lease.keptMs) >= this.#ackWaitMs) this.#lost(lease)
  }
}

/** @throws BrokerError `queue.consumer` when a number of an option is none that the broker takes */
export function atLeastOne(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_PULL) return value
  throw new BrokerError('queue.consumer', { problem: `${option} must be an integer of 1..${MAX_PULL}, got ${value}` })
}
