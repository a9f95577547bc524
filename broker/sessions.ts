// Sessions that outlive their links: granted with the welcome, kept when the link breaks, taken up again by whoever comes
// with the secret.
//
//   ready ── link lost ──▶ detached ── resume ──▶ ready        subscriptions, open requests, origin and client id stay
//                             └── time to live over ──▶ gone    what waited is dropped as `link-down`

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Connection } from './connection.ts'
import { controlAccount, type Core } from './core.ts'
import { outboundLimits } from './delivery/marks.ts'
import { Retention } from './delivery/retention.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import { Slice } from './ground/slice.ts'
import type { LinkHandler } from './ground/types.ts'
import type { Resume } from './protocol/bodies.ts'
import { frameEnd } from './wire/regroup.ts'

/** What the client is told of a session that goes on. */
export interface Resumed {
  /** Messages that it will not get. */
  readonly lost: number
  /** Some are not there any more, be it that they come again by themselves: those of queues. */
  readonly isIncomplete: boolean
  /** What it gets after the welcome, before all that waited. */
  readonly again: readonly Slice[]
}

/** Sessions without a link; past it the one that has waited longest ends. */
const MAX_DETACHED = 10_000
/** Time that clients have to come to the process to which their sessions moved, before requests pass them over. ms */
const EXPECTED_MS = 10_000

export class Sessions {
  readonly #core: Core
  readonly #onMissed: (connection: Connection) => void
  readonly #detached = new Set<Connection>()

  /** `onMissed` is told of sessions whose clients did not come although they were told to: nobody waits for their answers any more. */
  constructor(core: Core, onMissed: (connection: Connection) => void) {
    this.#core = core
    this.#onMissed = onMissed
  }

  /** Lets the connection's session outlive its link, as long as asked for and the configuration allows. */
  grant(connection: Connection, askedMs: number): void {
    const { sessionTtlMs, sessionBytes } = this.#core.settings.ipc.limits
    const ttlMs = Math.min(askedMs, sessionTtlMs)
    if (ttlMs === 0) return
    connection.grant = this.newGrant(ttlMs)
    connection.outbound.retention = new Retention(sessionBytes)
  }

  newGrant(ttlMs: number): NonNullable<Connection['grant']> {
    return { ttlMs, secret: randomBytes(16).toString('hex') }
  }

  /** The client has got so many frames of the session. */
  confirm(connection: Connection, received: number): void {
    connection.outbound.retention?.confirm(received)
  }

  /** The link is gone: what comes for the session waits, within its bound. */
  detach(connection: Connection): void {
    const { sessionBytes } = this.#core.settings.ipc.limits
    const [oldest] = this.#detached
    if (this.#detached.size >= MAX_DETACHED) this.#expire(oldest!)
    connection.state = 'detached'
    connection.outbound.detach(outboundLimits(sessionBytes / 0.75, 0, 'drop-oldest'))
    connection.deadline = new Deadline(() => this.#expire(connection))
    this.#core.deadlines.set(connection.deadline, connection.grant!.ttlMs)
    this.#detached.add(connection)
    this.#core.onConnectionEvent(connection, 'detached')
  }

  /** Its client was told to come for it at once: what comes for the session waits, requests too. */
  expect(connection: Connection): void {
    const { maxPendingBytes } = this.#core.settings.ipc.limits
    connection.state = 'detached'
    connection.isExpected = true
    connection.outbound.detach(outboundLimits(maxPendingBytes, 0, 'drop-oldest'))
    connection.deadline = new Deadline(() => this.#missed(connection))
    this.#core.deadlines.set(connection.deadline, EXPECTED_MS)
    this.#detached.add(connection)
    this.#core.onConnectionEvent(connection, 'detached')
  }

  /** It will not be resumed. */
  forget(connection: Connection): void {
    this.#detached.delete(connection)
  }

  /** The session that `resume` names, when the secret is right, the principal the same and the client speaks the same dialect. */
  find(fresh: Connection, resume: Resume, principal: string): Connection | undefined {
    const connection = this.#core.directory.addressed('session', resume.session)
    if (connection?.grant === undefined || !connection.isPresent || connection.permissions?.name !== principal) return undefined
    return isSame(connection.grant.secret, resume.secret) && connection.dialect?.name === fresh.dialect?.name ? connection : undefined
  }

  /** Gives the session the link of the connection that came for it; the welcome, and what is sent again, are the caller's to send. */
  takeOver(connection: Connection, fresh: Connection, received: number): Resumed {
    // The broker may not have noticed that the link is dead.
    if (connection.state === 'ready') {
      // What it was at work on was not taken: it comes again.
      connection.ingressQueue?.drop()
      connection.link.attach(nobody)
      connection.link.destroy()
      this.detach(connection)
    }
    this.#detached.delete(connection)
    this.#core.deadlines.cancel(connection.deadline!)
    connection.deadline = undefined
    connection.link = fresh.link
    connection.activity.relinked()
    connection.dialect!.reset()
    connection.state = 'ready'
    connection.isExpected = false
    const { outbound, losses } = connection
    const retention = outbound.retention!
    const startOf = (slice: Slice, frame: number): number => startOfFrame(slice, frame, connection.dialect!.translate !== undefined)
    // Of what seemed to be on its way when the link broke, some may have arrived.
    if (received > retention.written) outbound.confirm(received - retention.written, startOf)
    const { missing, lost, slices } = retention.takeAfter(received, startOf)
    const dropped = [...(losses?.values() ?? [])].reduce((sum, { count }) => sum + count, 0)
    if (!connection.outlivesLink) connection.grant = outbound.retention = undefined
    return { lost: lost + dropped, isIncomplete: missing + dropped > 0, again: lost === 0 ? slices : [this.#gap(connection, lost), ...slices] }
  }

  #gap(connection: Connection, count: number): Slice {
    const bytes = connection.dialect!.encode({ kind: Kind.gap, body: { reason: 'link-down', count, ranges: [], more: true } })
    return new Slice(bytes, 0, bytes.length, 0, controlAccount)
  }

  #missed(connection: Connection): void {
    if (!connection.outlivesLink) return this.#expire(connection)
    connection.isExpected = false
    this.#onMissed(connection)
    connection.deadline = new Deadline(() => this.#expire(connection))
    this.#core.deadlines.set(connection.deadline, connection.grant!.ttlMs)
  }

  #expire(connection: Connection): void {
    this.#core.end(connection, new BrokerError('session.expired', { limitMs: connection.grant!.ttlMs || EXPECTED_MS }))
  }
}

/** Handles a link that belongs to nobody any more. */
const nobody: LinkHandler = { received() {}, written() {}, ended() {}, closed() {} }

function isSame(secret: string, given: string): boolean {
  const [a, b] = [Buffer.from(secret), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function startOfFrame({ bytes, start }: Slice, frame: number, isLines: boolean): number {
  let at = start
  for (let i = 0; i < frame; i++) at = isLines ? bytes.indexOf(0x0a, at) + 1 : frameEnd(bytes, at)
  return at
}
