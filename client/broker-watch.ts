// Notices a broker that has fallen silent without closing: a machine that sleeps, a cable that is out, a process that hangs.

import type { Clock } from '../broker/ground/clock.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Kind } from '../broker/wire/layout.ts'
import type { Connection } from './connection.ts'

/** Silent periods after which the broker is asked, and after which it is given up. */
const ASK_AFTER = 2
const END_AFTER = 3

/**
 * Looks once in each period whether anything came. After two silent ones the broker is pinged, after a third the
 * connection ends with `connection.stale`. A connection that this side does not read is not silent. The returned function
 * ends the watch.
 */
export function watchBroker(connection: Connection, periodMs: number, clock: Clock): () => void {
  let silent = 0
  const look = (): void => {
    silent = connection.takeHeard() || connection.isPaused ? 0 : silent + 1
    if (silent >= END_AFTER) return connection.destroy(new BrokerError('connection.stale', { silentMs: silent * periodMs }))
    if (silent === ASK_AFTER) connection.send({ kind: Kind.ping })
    cancel = clock.after(periodMs, look)
  }
  let cancel = clock.after(periodMs, look)
  return () => cancel()
}
