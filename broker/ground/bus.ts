// What carries messages beyond this process, as the routing inside it sees it.

import type { Sink } from './slice.ts'

/**
 * The bus beyond this process. Embedded there is none: routing happens here. Joined, a link to NATS servers carries what
 * is published to other brokers and brings what they publish.
 */
export interface Bus {
  /** Where messages on a subject go beyond this process; undefined: nowhere. Asked when a route is built; a change makes all routes be built again. */
  remote(subject: readonly string[]): Sink | undefined
  /** True while the bus picks the member of that queue group, here or elsewhere: then nobody is picked here. Asked when a route is built. */
  servesGroup(pattern: readonly string[], group: string): boolean
  /** The first local subscription with that pattern, or the first member of that group, came. */
  interested(pattern: string, group: string | undefined): void
  /** The last one left. */
  lostInterest(pattern: string, group: string | undefined): void
}

/** There is nothing beyond this process. */
export const embeddedBus: Bus = {
  remote: () => undefined,
  servesGroup: () => false,
  interested() {},
  lostInterest() {},
}
