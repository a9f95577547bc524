// Sessions on their way to another process of this broker: their clients are told, everything is held where it stands, and
// what is known of them is written down. Until the other process serves them nothing is lost: they can go on here.
//
//   tell ─▶ clients keep what they send ─▶ hold ─▶ written down ─┬▶ leave      the other process has them
//                                                                └▶ goOn       it has not: links, and what came meanwhile, as before

import { awaitedReceipts } from './awaited-receipts.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Retention } from './delivery/retention.ts'
import { outboundLimits } from './delivery/marks.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import type { HandedOver, MovedBus, MovedFrames, MovedLink, MovedRequest, MovedSession } from './ground/handover.ts'
import { Kind } from './ground/kind.ts'
import { HeldLink } from './held-link.ts'
import { movedSession, waitingFrames } from './moved-session.ts'
import type { OpenRequest } from './session/open-requests.ts'
import type { Sessions } from './sessions.ts'

/** Time for the last bytes of a connection to leave. ms */
const CLOSE_GRACE_MS = 1000

interface Held {
  readonly link: HeldLink
  /** A write was under way, or threads were at work on what came: what of it counts is known when its client comes for the session. */
  readonly isWriting: boolean
  /** Slices of what waits that may have left. */
  readonly flying: number
}

/** An answer that will not come from here: its client gets it, or is told so, where it goes. */
interface Late {
  readonly connection: Connection
  readonly ref: number
  readonly subject?: string
  /** Why there is none; or the subscription that is made or taken back. */
  readonly answer: BrokerError | { readonly subscription: number | undefined }
}

export class Departing {
  readonly #core: Core
  readonly #sessions: Sessions
  /** Those that were told; true: they know. */
  readonly #told = new Map<Connection, boolean>()
  readonly #held = new Map<Connection, Held>()
  /** Links of those that do not move. */
  readonly #others = new Map<Connection, HeldLink>()
  /** Who stays to the end. */
  #asker: Connection | undefined
  #whenKnown: (() => void) | undefined

  constructor(core: Core, sessions: Sessions) {
    this.#core = core
    this.#sessions = sessions
  }

  /** Tells every client that can move, but for `except`, which stays to the end. */
  tell(except: Connection | undefined): void {
    this.#asker = except
    this.#core.isMoving = true
    for (const connection of this.#core.directory.all()) if (connection.isReady && connection.moves && connection !== except && !this.#told.has(connection)) this.#tell(connection)
  }

  /** The client has told how much of its session it has got, so it keeps what it sends from now on. */
  confirmed(connection: Connection): void {
    if (!this.#told.has(connection)) return
    this.#told.set(connection, true)
    if (this.#areKnown) this.#whenKnown?.()
  }

  /** Resolves when all that were told know, or `limitMs` are over: those that do not are not among those that move. */
  async known(limitMs: number): Promise<void> {
    if (this.#areKnown) return
    const known = Promise.withResolvers<void>()
    this.#whenKnown = known.resolve
    const deadline = new Deadline(known.resolve)
    this.#core.deadlines.set(deadline, limitMs)
    await known.promise
    this.#core.deadlines.cancel(deadline)
    this.#whenKnown = undefined
  }

  /** Some open requests wait for an answer that the other process could not pass on: from, or to, somebody who does not move. */
  get hasForeignRequests(): boolean {
    for (const connection of this.#core.directory.all()) {
      if (connection === this.#asker) continue
      for (const request of connection.openRequests?.values() ?? []) if (!this.#isMoving(connection) || request.reply !== undefined || this.#movers(request).length < request.responders.length) return true
    }
    return false
  }

  /** From now on nothing is read, routed or written, in this one turn; what is known of those that move. `unanswered`: calls of the broker's own methods that are not answered yet; `link`: of the connection to other brokers. */
  hold(unanswered: readonly { readonly connection: Connection; readonly ref: number; readonly subject: string }[], link?: MovedLink): HandedOver {
    const core = this.#core
    core.flusher.flush()
    const moving = [...core.directory.all()].filter((connection) => this.#isMoving(connection))
    const requests = this.#requests()
    const late = [...unanswered.map((call) => ({ ...call, answer: new BrokerError('request.responder_gone', { subject: call.subject }) })), ...requests.lost, ...this.#unanswered(), ...this.#receipts()]
    for (const connection of core.directory.all()) this.#hold(connection)
    const { busConnection } = core
    const sessions = moving.filter((connection) => connection !== busConnection).map((connection) => this.#writtenDown(connection, late))
    const bus = link === undefined || busConnection === undefined ? undefined : this.#writtenDownBus(busConnection, link, late)
    return { lastNumber: core.lastNumber, sessions, requests: requests.moved, holds: core.registry.holds, bus }
  }

  /** The other process serves them: their links end, and their clients go there. */
  leave(): void {
    this.#core.hasMoved = true
    const moving = [...this.#core.directory.all()].filter((connection) => this.#held.has(connection) || this.#isMoving(connection))
    for (const [connection, { link, isWriting }] of this.#held) {
      connection.state = 'closing'
      this.#core.endingConnections++
      // What is under way must not be followed by anything; what its client missed of it, it gets there.
      if (!isWriting) link.write([connection.dialect!.encode({ kind: Kind.goodbye, body: new BrokerError('connection.moving').toBody() })])
      link.close()
      connection.deadline = new Deadline(() => link.destroy())
      this.#core.deadlines.set(connection.deadline, CLOSE_GRACE_MS)
      link.letGo(connection)
    }
    this.#held.clear()
    // What waits for them is not lost: it is written there. Before links are let go, by which it would leave here as well.
    for (const { outbound } of moving) {
      outbound.isForwarding = true
      outbound.confirm(Infinity, () => 0)
    }
    for (const [connection, link] of this.#others) link.letGo(connection)
    this.#others.clear()
  }

  /** The other process does not serve them: all goes on here. */
  goOn(): void {
    this.#core.isMoving = false
    this.#core.failedMoves++
    for (const [connection, held] of this.#held) this.#goOn(connection, held)
    this.#held.clear()
    for (const [connection, link] of this.#others) link.giveBack(connection)
    this.#others.clear()
    for (const connection of this.#told.keys()) this.#stay(connection)
    this.#told.clear()
  }

  get #areKnown(): boolean {
    for (const [{ isReady }, isKnown] of this.#told) if (isReady && !isKnown) return false
    return true
  }

  #tell(connection: Connection): void {
    const { outbound } = connection
    this.#told.set(connection, false)
    // What was handed over before does not count: the client counts from here.
    const frames = outbound.unwritten.slices.reduce((sum, slice) => sum + slice.frames, 0)
    outbound.retention ??= new Retention(this.#core.settings.ipc.limits.sessionBytes, -frames)
    connection.grant ??= this.#sessions.newGrant(0)
    this.#core.send(connection, { kind: Kind.moving, body: { session: connection.session, secret: connection.grant.secret } }, 0)
  }

  // What it kept for the way is not needed any more, unless its session outlives links anyway.
  #stay(connection: Connection): void {
    if (connection.grant?.ttlMs !== 0) return
    if (connection.isReady) {
      connection.grant = undefined
      connection.outbound.retention = undefined
      this.#core.send(connection, { kind: Kind.moving, body: {} }, 0)
    }
  }

  #isMoving(connection: Connection): boolean {
    if (connection === this.#core.busConnection) return true
    if (connection.dialect?.name !== 'native') return false
    return connection.isReady ? this.#told.get(connection) === true : connection.state === 'detached'
  }

  #movers({ responders }: OpenRequest): Connection[] {
    return responders.map(({ number }) => this.#core.directory.number(number)).filter((responder) => responder !== undefined && (responder.moves || responder === this.#core.busConnection)) as Connection[]
  }

  // Between sessions that move they stay open; others find out now that nobody will answer.
  #requests(): { readonly moved: MovedRequest[]; readonly lost: Late[] } {
    const moved: MovedRequest[] = []
    const lost: Late[] = []
    for (const connection of this.#core.directory.all()) {
      if (!this.#isMoving(connection)) continue
      for (const request of connection.openRequests?.values() ?? []) {
        const { id, subject, limitMs, isMany, responses, parts, isDeserted, reply } = request
        const responders = this.#movers(request).filter((responder) => this.#isMoving(responder)).map(({ number }) => number)
        if (reply !== undefined) continue
        if (responders.length === 0) lost.push({ connection, ref: id, subject, answer: new BrokerError('request.responder_gone', { subject }) })
        else moved.push({ requester: connection.number, responders, id, subject, limitMs, leftMs: this.#core.deadlines.leftMs(request), isMany, responses, parts, isDeserted: isDeserted || responders.length < request.responders.length })
      }
    }
    return { moved, lost }
  }

  // Stores and other brokers had their time.
  #unanswered(): Late[] {
    return [...this.#core.unanswered].flatMap(({ connection, ref, fate, subscription }) => (fate === 'anew' ? [] : { connection, ref, answer: fate === 'done' ? { subscription } : new BrokerError('connection.moving') }))
  }

  // The fates of those messages are another process's, which knows nobody who waits for them.
  #receipts(): Late[] {
    return [...awaitedReceipts(this.#core)].flatMap(([connection, refs]) => [...refs].map((ref) => ({ connection, ref, answer: new BrokerError('connection.moving') })))
  }

  #hold(connection: Connection): void {
    if (connection.state === 'detached') return
    const link = new HeldLink(connection.link)
    if (!this.#isMoving(connection) || connection === this.#core.busConnection) return void this.#others.set(connection, link)
    const { flying } = connection.outbound.unwritten
    const isWriting = flying > 0 || connection.ingressQueue !== undefined
    // What threads are at work on was not taken: it comes again, there or here.
    connection.ingressQueue?.drop()
    connection.ingressQueue = undefined
    connection.state = 'detached'
    const { maxPendingBytes } = this.#core.settings.ipc.limits
    connection.outbound.detach(outboundLimits(maxPendingBytes, 0, 'drop-oldest'))
    this.#held.set(connection, { link, isWriting, flying })
  }

  #writtenDown(connection: Connection, late: readonly Late[]): MovedSession {
    const core = this.#core
    const held = this.#held.get(connection)
    const session = movedSession(connection, core.registering.registrationsOf(connection), held !== undefined)
    const waiting = waitingFrames(connection.outbound.unwritten.slices, held?.flying ?? 0, core.clock.monotonicMs())
    return { ...session, waiting: [...waiting, ...answersFor(connection, late)] }
  }

  // What is on its way there is not known to have arrived, and not sent again, as where a link breaks.
  #writtenDownBus(connection: Connection, link: MovedLink, late: readonly Late[]): MovedBus {
    const { slices, flying } = connection.outbound.unwritten
    const waiting = waitingFrames(slices.slice(flying), 0, this.#core.clock.monotonicMs())
    return { number: connection.number, lastId: connection.lastId, link, waiting: [...waiting, ...answersFor(connection, late)] }
  }

  #goOn(connection: Connection, { link, isWriting }: Held): void {
    if (isWriting || link.isOver) {
      // It is found out what arrived when the client comes for its session.
      link.destroy()
      return this.#sessions.expect(connection)
    }
    connection.state = 'ready'
    connection.outbound.attach(connection.link, [], this.#core.flusher.limits)
    link.giveBack(connection)
  }
}

function answersFor(connection: Connection, late: readonly Late[]): MovedFrames[] {
  return late.filter((each) => each.connection === connection).map(({ ref, subject, answer }) => {
    const message = answer instanceof BrokerError ? { kind: Kind.error, ref, ...(subject === undefined ? {} : { subject }), body: answer.toBody() } : { kind: Kind.ok, ref, body: answer }
    return { bytes: connection.dialect!.encode(message), frames: 1 }
  })
}
