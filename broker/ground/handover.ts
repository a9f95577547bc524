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
  /** Somebody who may have had it, and is not among those that move, leaves without an answer. */
  readonly isDeserted: boolean
}

/** A message of other brokers, as it came to the link of the one process, for that of the other. */
export interface MovedArrival {
  /** The subscription under which it came. `isOwn`: the broker's own, not of any client's. */
  readonly pattern: string
  readonly group: string | undefined
  readonly isOwn: boolean
  readonly subject: string
  readonly reply: string | undefined
  readonly headers: Uint8Array | undefined
  readonly payload: Uint8Array
}

/** What the servers and the other brokers know of the link: with it the other process is the same broker to them. */
export interface MovedLink {
  /** Where answers come. */
  readonly inbox: string
  /** Requests from beyond that wait for answers, by their ids: where those go. */
  readonly asked: readonly (readonly [id: number, { readonly reply: string; readonly isOurs: boolean }])[]
  /** The queue group of its plain patterns: while both processes are in it, each message comes to one of them. Empty: it was not joined. */
  readonly only: string
  /** What stands in its messages: with another one what is on its way would count as that of a link which the broker has left. Empty: it was not joined. */
  readonly mark: string
  /** `host:port` of its server; undefined: it was not joined. */
  readonly server?: string | undefined
  /** By which its signs of life are told from those of a copied home. */
  readonly instance: string
}

/** The connection to other brokers, which goes along like a session. */
export interface MovedBus {
  readonly number: number
  readonly lastId: number
  readonly link: MovedLink
  /** What has not left. */
  readonly waiting: readonly MovedFrames[]
}

export interface HandedOver {
  /** The last number of a connection: the next process goes on behind it. */
  readonly lastNumber: number
  readonly sessions: readonly MovedSession[]
  readonly requests: readonly MovedRequest[]
  /** What admins hold registered instances for, also those that are not there. */
  readonly holds: readonly Hold[]
  /** undefined: the broker has joined no others. */
  readonly bus?: MovedBus | undefined
}
