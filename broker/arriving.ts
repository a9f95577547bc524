// Sessions that come from another process of this broker: there before the first client, without links, until their clients come.

import { AbsentLink } from './absent-link.ts'
import { AllowedReplies } from './allowed-replies.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { controlAccount, type Core } from './core.ts'
import { Retention } from './delivery/retention.ts'
import type { Ingress } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import type { HandedOver, MovedBus, MovedFrames, MovedRequest, MovedSession } from './ground/handover.ts'
import { Kind } from './ground/kind.ts'
import { Slice } from './ground/slice.ts'
import { belong } from './instance-link.ts'
import type { Dialects } from './pipeline-options.ts'
import { CreditBook } from './session/credit-book.ts'
import type { OpenRequests } from './session/open-requests.ts'
import type { Sessions } from './sessions.ts'
import type { Subscribing } from './subscribing.ts'

export interface ArrivingParts {
  readonly core: Core
  readonly sessions: Sessions
  readonly subscribing: Subscribing
  readonly requests: OpenRequests
  readonly dialects: Dialects
  readonly ingress: Ingress<Connection>
  readonly owner: ConnectionOwner
  /** It is of an agent that the process before this one started. */
  readonly isFormer: (session: MovedSession) => boolean
  readonly onFormer: (connection: Connection) => void
  /** Largest frame of an admitted connection. bytes */
  readonly maxFrameBytes: number
}

/** First byte of the native dialect. */
const NATIVE = 0x00

/** Makes the sessions and their open requests known here; those whose principal is not known any more are left out. Returns how many came. */
export function arrive(parts: ArrivingParts, { sessions, requests, holds, bus }: HandedOver): number {
  let count = 0
  parts.core.registry.hold(holds)
  for (const session of sessions) if (enter(parts, session)) count++
  for (const request of requests) reopen(parts, request)
  if (bus !== undefined) enterBus(parts, bus)
  parts.core.addressesChanged()
  return count
}

function enter(parts: ArrivingParts, moved: MovedSession): boolean {
  const { core, sessions, owner, dialects, ingress, maxFrameBytes } = parts
  const { number, principal, client, session, secret, ttlMs, keptFrom, kept, waiting } = moved
  if (!core.authenticator.knows(principal)) {
    core.log.warn({ client, principal }, 'a session ends: its principal is not known any more')
    return false
  }
  const connection = new Connection(number, new AbsentLink(moved.peer, moved.framing), core.flusher, owner, core.clock.monotonicMs())
  connection.permissions = core.authenticator.unproven(principal).permissions
  connection.client = client
  connection.session = session
  connection.program = moved.program
  connection.echo = moved.echo
  connection.readsZstd = moved.readsZstd
  connection.readsReceiptRuns = moved.readsReceiptRuns
  connection.moves = true
  const { responses } = connection.permissions
  if (responses !== undefined) connection.replies = new AllowedReplies(responses, () => core.clock.monotonicMs())
  connection.lastId = connection.arrivedAtId = moved.lastId
  if (moved.hasCredit) connection.credit = new CreditBook(core.settings.ipc.limits.creditBytes)
  connection.dialect = dialects.begin(NATIVE, connection, ingress, maxFrameBytes)
  connection.grant = { ttlMs, secret }
  const retention = new Retention(core.settings.ipc.limits.sessionBytes, keptFrom)
  retention.add(kept.map((frames) => sliceOf(frames, 0)))
  connection.outbound.retention = retention
  core.onConnectionEvent(connection, 'accepted')
  core.onConnectionEvent(connection, 'authenticated')
  // Whoever supervises the agent waits for its process, not for this one.
  belong(connection, moved.agent, moved.principal)
  connection.isFormer = parts.isFormer(moved)
  if (moved.isExpected) sessions.expect(connection)
  else sessions.detach(connection)
  const nowMs = core.clock.monotonicMs()
  for (const frames of waiting) connection.outbound.deliver(sliceOf(frames, nowMs))
  core.directory.add(connection)
  subscribe(parts, connection, moved)
  register(parts, connection, moved)
  if (connection.isFormer) parts.onFormer(connection)
  return true
}

// They are in the accounts of the process that took them.
// Where its link could not be made, requests that waited for it have been told so.
function enterBus({ core }: ArrivingParts, { number, lastId, waiting }: MovedBus): void {
  const { busConnection } = core
  if (busConnection?.number !== number) return
  busConnection.lastId = lastId
  const nowMs = core.clock.monotonicMs()
  for (const frames of waiting) busConnection.outbound.deliver(sliceOf(frames, nowMs))
}

function sliceOf({ bytes, frames, leftMs }: MovedFrames, nowMs: number): Slice {
  if (leftMs === undefined) return new Slice(bytes, 0, bytes.length, 0, controlAccount, frames)
  // Messages, all of them: where they expire it is told how many.
  const slice = new Slice(bytes, 0, bytes.length, frames, controlAccount, frames)
  slice.expiresAtMs = nowMs + leftMs
  return slice
}

function subscribe({ core, subscribing }: ArrivingParts, connection: Connection, { subscriptions }: MovedSession): void {
  for (const { number, pattern, group, filter } of subscriptions) {
    try {
      subscribing.subscribe(connection, number, { pattern, group, filter, consume: false })
    } catch (error) {
      core.log.info({ client: connection.client, pattern, code: BrokerError.from(error).code }, 'a subscription of a session that moved here is not allowed any more')
    }
  }
}

function register({ core }: ArrivingParts, connection: Connection, { registrations }: MovedSession): void {
  for (const { registration, health, isAsked } of registrations) {
    try {
      // Beside that of its like in this process, which has its name and id. Nobody looks after it here: what was known of it last stays.
      const instance = connection.isFormer ? `${registration.instance}-before` : registration.instance
      core.registering.arrived(connection, { registration: { ...registration, ...(instance === undefined ? {} : { instance }), ...(connection.isFormer ? { health } : {}) }, isAsked })
    } catch (error) {
      core.log.info({ client: connection.client, name: registration.name, code: BrokerError.from(error).code }, 'a registration of a session that moved here ends')
    }
  }
}

function reopen({ core, requests }: ArrivingParts, moved: MovedRequest): void {
  const { requester: from, responders: to, id, subject, limitMs, isMany } = moved
  const requester = core.directory.number(from)
  const responders = to.map((number) => core.directory.number(number)).filter((responder) => responder !== undefined)
  if (requester === undefined) return
  const account = core.accountOf(subject.split('.'))
  // All who could have answered stayed behind.
  if (responders.length === 0) return core.send(requester, { kind: Kind.error, ref: id, subject, body: new BrokerError('request.responder_gone', { subject }).toBody() })
  const open = { requester, id, subject, subjectBytes: Buffer.from(subject), account, limitMs, isMany, responders, reply: undefined, instance: undefined }
  requests.moved(open, { ...moved, isDeserted: moved.isDeserted || responders.length < to.length })
}
