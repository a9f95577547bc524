// What carries messages beyond this process, as the routing inside it sees it.

import type { Sink } from './slice.ts'

/** A queue group: members of the same pattern and name share what comes. */
export interface QueueGroup {
  readonly tokens: readonly string[]
  readonly name: string
}

/**
 * The bus beyond this process. Embedded there is none: routing happens here. Joined, a link to NATS servers carries what
 * is published to other brokers and brings what they publish.
 */
export interface Bus {
  /**
   * Where messages on a subject go beyond this process; undefined: nowhere. `servedHere` are the groups that get them here.
   * Asked when a route is built; a change makes all routes be built again.
   */
  remote(subject: readonly string[], servedHere: readonly QueueGroup[]): Sink | undefined
  /** True while the bus picks the member of that queue group, here or elsewhere: then nobody is picked here. Asked when a route is built. */
  servesGroup(group: QueueGroup, subject: readonly string[]): boolean
  /** The link is about to be there: requests may wait for it as messages do. */
  readonly isComing: boolean
  /** A subscription with that pattern, or a member of that group, is the first; there may be other sources of the same interest. */
  interested(pattern: string, group: string | undefined): void
  /** The last one of a source left. */
  lostInterest(pattern: string, group: string | undefined): void
  /** Calls back when all interest that it was told of is known beyond this process as well; at once where that is so, or cannot be. */
  settled(callback: () => void): void
}

/** There is nothing beyond this process. */
export const embeddedBus: Bus = {
  remote: () => undefined,
  servesGroup: () => false,
  isComing: false,
  interested() {},
  lostInterest() {},
  settled: (callback) => callback(),
}

/** What a message that came from beyond met here. */
export interface BusArrival {
  /** Who gets it, or may answer it. */
  readonly receivers: number
}

/** This broker as the link to others sees it: one connection, without a handshake, that is there as long as the link's actor. */
export interface BusGate {
  /** Of its connection: the origin of what comes from beyond. */
  readonly number: number
  /** Number for the next message from beyond. */
  nextId(): number
  /** Microseconds since the epoch, for that message. */
  wallMicros(): number
  /** One more request from beyond may be open. */
  readonly mayAsk: boolean
  /**
   * A message from beyond: a canonical frame in bytes that nobody else writes, publish or request, for all who are here; or, where it
   * came for a queue group, for the member whose turn it is. A request that finds nobody is refused like any other: `error` with its id.
   */
  arrived(frame: Uint8Array, group?: { readonly pattern: string; readonly name: string }): BusArrival
  /** That request waits for an answer from beyond. */
  awaits(to: number, ref: number): boolean
  /** An answer from beyond: response, part or error, to a request that went there. */
  answered(frame: Uint8Array): void
  /** Nobody beyond answers that request. */
  declined(to: number, ref: number): void
  /** The link is up: what waits leaves, and what comes follows; messages of more than `maxBytes` are dropped. */
  up(maxBytes: number): void
  /** Most bytes of one write from now on. */
  window(bytes: number): void
  /** The link is gone: what was on its way is `link-unknown`; what comes waits, as far as `holdBytes` go, and is `link-down` beyond them. `wasSent` false: nothing was on its way. */
  down(holdBytes: number, wasSent?: boolean): void
  /** The link that was about to be there is not: requests that waited for it end. */
  notUp(): void
  /** Nothing is held any more: what waits, and what comes, is `link-down`. */
  giveUp(): void
  /** Where messages go that are not held: they are dropped as `link-down`. */
  readonly nowhere: Sink
  /** Where messages go that leave, or are held. */
  readonly sink: Sink
  /** Interest or the state of the link has changed: routes are built again. */
  routesChanged(): void
  readonly pending: { readonly messages: number; readonly bytes: number }
}
