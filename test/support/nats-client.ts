// A plain NATS client of the public library, as any program of the user's would be; it ends with the test.

import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import type { Teardown } from './temporary-directory.ts'

/** Connected; it stays away once it was cut off, unless the options say otherwise. */
export async function connectNats(t: Teardown, servers: string | string[], options: ConnectionOptions = {}): Promise<NatsConnection> {
  const client = await connect({ servers, reconnect: false, ...options })
  t.teardown(() => client.close())
  return client
}
