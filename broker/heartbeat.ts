// Finds clients that hang: one sweep for all connections of a kind, so that an idle connection has no timer of its own.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'

interface Beat {
  /** 0: there is none. */
  readonly intervalMs: number
  /** Pings without a sign of life after which a connection is stale. */
  readonly maxPings: number
  readonly watches: (connection: Connection) => boolean
  /** What else is due at the end of a sweep. */
  readonly swept?: () => void
}

/** Of clients that asked to be watched. */
const MAX_PINGS = 2

/** Those that a broker needs: clients that asked for it are pinged as `ipc.limits` says, NATS clients all, as `nats` says. */
export function heartbeats(core: Core): readonly Heartbeat[] {
  const { ipc, nats } = core.settings
  return [
    new Heartbeat(core, { intervalMs: ipc.limits.heartbeatMs, maxPings: MAX_PINGS, watches: ({ isWatched }) => isWatched, swept: () => core.authenticator.forgetExpired() }),
    new Heartbeat(core, { intervalMs: nats.pingIntervalMs, maxPings: nats.maxPingsOut, watches: ({ link }) => link.protocol === 'nats' }),
  ]
}

export class Heartbeat {
  readonly #core: Core
  readonly #beat: Beat
  readonly #deadline = new Deadline(() => this.#sweep())

  constructor(core: Core, beat: Beat) {
    this.#core = core
    this.#beat = beat
  }

  start(): void {
    if (this.#beat.intervalMs > 0) this.#core.deadlines.set(this.#deadline, this.#beat.intervalMs)
  }

  stop(): void {
    this.#core.deadlines.cancel(this.#deadline)
  }

  #sweep(): void {
    const { watches, swept } = this.#beat
    for (const connection of this.#core.directory.all()) if (connection.isReady && watches(connection)) this.#check(connection)
    swept?.()
    this.start()
  }

  #check(connection: Connection): void {
    // Whom we do not read cannot be heard.
    if (connection.wasHeard || connection.pauses > 0) {
      connection.wasHeard = false
      connection.silentBeats = 0
      return
    }
    connection.silentBeats++
    if (connection.silentBeats <= this.#beat.maxPings) this.#core.ping(connection)
    else this.#core.lose(connection, new BrokerError('connection.stale', { silentMs: connection.silentBeats * this.#beat.intervalMs }))
  }
}
