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
  /** A subscription with that pattern, or a member of that group, is the first; there may be other sources of the same interest. */
  interested(pattern: string, group: string | undefined): void
  /** The last one of a source left. */
  lostInterest(pattern: string, group: string | undefined): void
}

/** There is nothing beyond this process. */
export const embeddedBus: Bus = {
  remote: () => undefined,
  servesGroup: () => false,
  interested() {},
  lostInterest() {},
}
