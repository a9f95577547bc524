// A port that the broker can do without: what becomes of one that cannot be had. Knows nothing of what is spoken there.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Log } from '../broker/ground/types.ts'
import { isPortTaken } from '../transports/tcp/bind.ts'

export interface OptionalPort {
  /** As the log calls it: `NATS port`. */
  readonly name: string
  readonly host: string
  /** The host where the configuration names none. */
  readonly defaultHost: string
  /** The configuration names this very port. */
  readonly isPortRequired: boolean
  /** Clients can come some other way. */
  readonly isOneOfSeveral: boolean
  readonly log: Log
  /** Told why there is none. */
  readonly onMissing: (problem: string) => void
}

/**
 * What `open` opens; undefined when that port is taken and nobody asked for it: the broker runs without it then.
 * @throws BrokerError what `open` throws, where the port or its address was asked for, or nobody could reach the broker without it
 */
export async function openOrDoWithout<T>({ name, host, defaultHost, isPortRequired, isOneOfSeveral, log, onMissing }: OptionalPort, open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open()
  } catch (error) {
    // An address that cannot be had was asked for: the default is everywhere.
    const isAddressWrong = host !== defaultHost && !isPortTaken(error)
    if (isPortRequired || isAddressWrong || !isOneOfSeveral) throw error
    const problem = BrokerError.from(error).message
    log.warn({ problem }, `the broker runs without ${name}`)
    onMissing(problem)
    return undefined
  }
}
