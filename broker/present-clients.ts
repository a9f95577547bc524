// The clients of this broker as other brokers know them, and what becomes of one whose id somebody has elsewhere.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import type { PresenceHost, PresentClient } from './ground/presence.ts'

export class PresentClients implements PresenceHost {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  *clients(): Iterable<PresentClient> {
    for (const connection of this.#core.directory.all()) if (this.isClient(connection)) yield this.present(connection)
  }

  client(id: string): PresentClient | undefined {
    return this.#presentOf(this.#core.directory.client(id))
  }

  agent(name: string): PresentClient | undefined {
    return this.#presentOf(this.#core.directory.addressed('agent', name))
  }

  end({ client, session }: PresentClient, code: 'session.taken_over' | 'session.id_taken'): void {
    const connection = this.#core.directory.client(client)
    if (connection?.session === session) this.#core.end(connection, new BrokerError(code, { client }))
  }

  changed(): void {
    this.#core.routes.invalidate(['$CB'])
  }

  /** It is somebody's, and not on its way out. */
  isClient(connection: Connection): boolean {
    return connection.isPresent && connection !== this.#core.busConnection
  }

  present({ client, permissions, agent, session, openedAtMs }: Connection): PresentClient {
    const { clock } = this.#core
    return { client, principal: permissions!.name, agent, session, sinceMs: Math.round(clock.wallMicros() / 1000 - (clock.monotonicMs() - openedAtMs)) }
  }

  #presentOf(connection: Connection | undefined): PresentClient | undefined {
    return connection !== undefined && this.isClient(connection) ? this.present(connection) : undefined
  }
}
