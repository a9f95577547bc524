// Finds clients that hang: one sweep for all connections of a kind, so that an idle connection has no timer of its own.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'

interface Beat {
  readonly rhythm: Rhythm
  readonly watches: (connection: Connection) => boolean
  /** What else is due at the end of a sweep. */
  readonly swept?: () => void
}

/** Looked at for each sweep: it may change. */
interface Rhythm {
  /** 0: nobody is pinged. */
  readonly pingIntervalMs: number
  /** Pings without a sign of life after which a connection is stale. */
  readonly maxPingsOut: number
}

/** Of clients that asked to be watched. */
const MAX_PINGS = 2
/** Until a rhythm without pings may have become another. ms */
const PAUSE_MS = 10_000

/** Those that a broker needs: clients that asked for it are pinged as `ipc.limits` says, NATS clients all, as `nats` says. */
export function heartbeats(core: Core): readonly Heartbeat[] {
  const { ipc, nats } = core.settings
  return [
    new Heartbeat(core, { rhythm: { pingIntervalMs: ipc.limits.heartbeatMs, maxPingsOut: MAX_PINGS }, watches: ({ isWatched }) => isWatched, swept: () => core.authenticator.forgetExpired() }),
    new Heartbeat(core, { rhythm: nats, watches: ({ link }) => link.protocol === 'nats' }),
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

  /** The next sweep is one interval from now. */
  start(): void {
    this.#core.deadlines.set(this.#deadline, this.#beat.rhythm.pingIntervalMs || PAUSE_MS)
  }

  stop(): void {
    this.#core.deadlines.cancel(this.#deadline)
  }

  #sweep(): void {
    const { rhythm, watches, swept } = this.#beat
    if (rhythm.pingIntervalMs > 0) for (const connection of this.#core.directory.all()) if (connection.isReady && watches(connection)) this.#check(connection, rhythm)
    swept?.()
    this.start()
  }

  #check(connection: Connection, { pingIntervalMs, maxPingsOut }: Rhythm): void {
    // Whom we do not read cannot be heard.
    if (connection.wasHeard || connection.isUnread) {
      connection.wasHeard = false
      connection.silentBeats = 0
      return
    }
    connection.silentBeats++
    if (connection.silentBeats <= maxPingsOut) this.#core.ping(connection)
    else this.#core.lose(connection, new BrokerError('connection.stale', { silentMs: connection.silentBeats * pingIntervalMs }))
  }
}
