// What a client says of memory that it shares with the broker: what it put there, and what it has read.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'

/**
 * What stands in a segment of the client, which gets it back at once.
 * @throws BrokerError `memory.unreadable`; `frame.unsupported` where no memory is shared
 */
export function takeLent(core: Core, connection: Connection, number: number, bytes: number): Uint8Array {
  const { memory } = connection.link
  if (memory === undefined) throw new BrokerError('frame.unsupported', { feature: 'shared memory on this connection' })
  const content = memory.take(number, bytes)
  connection.receivedBytes += bytes
  core.send(connection, { kind: Kind.returned, ref: number })
  return content
}

/** 0 is no segment: the client can reach the memory that it was offered. */
export function returned({ link }: Connection, number: number): void {
  if (number === 0) link.memory?.begin()
  else link.memory?.returned(number)
}
