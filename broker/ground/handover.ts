// What one process of a broker hands over to the next, so that clients go on where they were. Types only.

import type { Hold, InstanceHealth, Registration } from './registry.ts'
import type { Framing, Peer } from './types.ts'

/** Frames of a session, as they were or will be written. */
export interface MovedFrames {
  readonly bytes: Uint8Array
  readonly frames: number
  /** Messages that are not to be written any more when so long is over. ms; undefined: they have no time to live */
  readonly leftMs?: number | undefined
}

export interface MovedSubscription {
  readonly number: number
  readonly pattern: string
  readonly group: string | undefined
  readonly filter: string | undefined
}

export interface MovedRegistration {
  readonly registration: Registration
  /** The worst that was known of it. `registration` has what it says itself. */
  readonly health: InstanceHealth
  /** The client registered it itself. */
  readonly isAsked: boolean
}

/** A session without its link: its client comes for it with the secret. Consumers of queues are not among it: clients announce them anew. */
export interface MovedSession {
  /** Its `origin`, which it keeps. */
  readonly number: number
  readonly client: string
  readonly session: string
  readonly secret: string
  /** How long it outlives a link that breaks. ms, 0 = not at all */
  readonly ttlMs: number
  /** The client was told to come at once. */
  readonly isExpected: boolean
  readonly principal: string
  readonly program: string | undefined
  readonly agent: string | undefined
  readonly echo: boolean
  readonly readsZstd: boolean
  readonly readsReceiptRuns: boolean
  readonly hasCredit: boolean
  readonly peer: Peer
  readonly framing: Framing
  /** Id of the last frame that was taken from it. */
  readonly lastId: number
  readonly subscriptions: readonly MovedSubscription[]
  readonly registrations: readonly MovedRegistration[]
  /** Frames of the session before the first that is kept, and those that were written and not confirmed. */
  readonly keptFrom: number
  readonly kept: readonly MovedFrames[]
  /** Behind them: the first may be on their way to the client. */
  readonly waiting: readonly MovedFrames[]
}

/** A request that was not answered yet, between sessions that move. */
export interface MovedRequest {
  /** Numbers of connections. */
  readonly requester: number
  readonly responders: readonly number[]
  readonly id: number
  readonly subject: string
  /** As it was asked for, and what is left of it. ms */
  readonly limitMs: number
  readonly leftMs: number
  readonly isMany: boolean
  readonly responses: number
  readonly parts: number
}

export interface HandedOver {
  /** The last number of a connection: the next process goes on behind it. */
  readonly lastNumber: number
  readonly sessions: readonly MovedSession[]
  readonly requests: readonly MovedRequest[]
  /** What admins hold registered instances for, also those that are not there. */
  readonly holds: readonly Hold[]
}
