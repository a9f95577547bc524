// What is known of the brokers that joined the same servers, as status tells it. Types only.

import type { ChannelConflict } from './channel-share.ts'
import type { PeerBroker } from './presence.ts'

export interface ClusterStatus {
  /** The others that are alive. */
  readonly brokers: readonly PeerBroker[]
  /** Clients that they have. */
  readonly clients: number
  /** Channels that all have in common. */
  readonly channels: number
  /** Channels of which another broker has a different idea. */
  readonly conflicts: readonly ChannelConflict[]
  /** On how many servers that is kept; 0: on none. */
  readonly replicas: number
  /** Why the brokers do not know of each other, or what is wrong with what they know; missing: nothing. */
  readonly problem?: string
}
