// Finds clients that hang: one sweep for all connections, so that an idle connection has no timer of its own.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'

/** Silent beats after which a watched connection is stale. */
const STALE_AFTER_BEATS = 2

export class Heartbeat {
  readonly #core: Core
  readonly #deadline = new Deadline(() => this.#beat())

  constructor(core: Core) {
    this.#core = core
  }

  start(): void {
    this.#core.deadlines.set(this.#deadline, this.#core.settings.ipc.limits.heartbeatMs)
  }

  stop(): void {
    this.#core.deadlines.cancel(this.#deadline)
  }

  #beat(): void {
    for (const connection of this.#core.directory.all()) if (connection.isWatched && connection.isReady) this.#check(connection)
    this.#core.authenticator.forgetExpired()
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
    if (connection.silentBeats <= STALE_AFTER_BEATS) this.#core.ping(connection)
    else this.#core.lose(connection, new BrokerError('connection.stale', { silentMs: connection.silentBeats * this.#core.settings.ipc.limits.heartbeatMs }))
  }
}
