// Who works over the servers beside the link's own messages: key-value buckets, leases. Types only.

import type { NatsConnection } from '@nats-io/transport-node'

export interface LinkUser {
  /** The link is up; `connection` is for its users alone, at the same server. Called again after each loss. */
  joined(connection: NatsConnection): void
  /** The connection is of no use any more. */
  lost(): void
}
