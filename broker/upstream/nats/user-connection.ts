// A third connection, made by the library, for those who use key-value buckets: at the server where the link is, as long as the
// link is there. The library reads without bound, so it is opened only to a server that has let the link in.

import type { NatsConnection } from '@nats-io/transport-node'
import { Deadline, type Deadlines } from '../../ground/deadlines.ts'
import type { Log } from '../../ground/types.ts'
import { readCredentials } from './credentials.ts'
import type { LinkUser } from './link-user.ts'
import type { NatsClient, TlsFiles } from './nats-client.ts'

export interface UserConnectionOptions {
  readonly users: readonly LinkUser[]
  readonly name: string
  readonly version: string
  readonly credentialsFile: string | undefined
  readonly tls: TlsFiles | undefined
  readonly pingIntervalMs: number
  readonly deadlines: Deadlines
  readonly log: Log
}

/** Time to be let in. ms */
const ENTRY_MS = 2000
/** Between two tries, as long as the link itself is there. ms */
const RETRY_MS = 1000

export class UserConnection {
  readonly #options: UserConnectionOptions
  readonly #retry = new Deadline(() => void this.#open())
  #at: NatsClient | undefined
  #connection: NatsConnection | undefined

  constructor(options: UserConnectionOptions) {
    this.#options = options
  }

  /** The link is at that server. */
  joined(at: NatsClient): void {
    this.#at = at
    if (this.#options.users.length > 0) void this.#open()
  }

  /** It is there no more. Resolves when the connection is closed. */
  lost(): Promise<void> {
    this.#at = undefined
    this.#options.deadlines.cancel(this.#retry)
    return this.#drop()
  }

  async #open(): Promise<void> {
    const at = this.#at
    if (at === undefined) return
    const { users, name, credentialsFile, tls, pingIntervalMs, deadlines, log } = this.#options
    try {
      const [{ connect }, identity] = await Promise.all([import('@nats-io/transport-node'), readCredentials(credentialsFile)])
      // The library takes a certificate for one of `localhost` where it was given an address, unless it is told.
      const files = { host: at.server.host, ...(tls?.caFile === undefined ? {} : { caFile: tls.caFile }), ...(tls?.certFile === undefined ? {} : { certFile: tls.certFile }), ...(tls?.keyFile === undefined ? {} : { keyFile: tls.keyFile }) }
      const connection = await connect({
        servers: at.server.text,
        name,
        authenticator: (nonce?: string) => identity(nonce) as { user: string },
        reconnect: false,
        maxReconnectAttempts: 0,
        ignoreClusterUpdates: true,
        pingInterval: pingIntervalMs,
        maxPingOut: 2,
        timeout: ENTRY_MS,
        noAsyncTraces: true,
        ...(tls === undefined && !at.server.requiresTls ? {} : { tls: files }),
      })
      if (this.#at !== at) return void connection.close()
      this.#connection = connection
      void connection.closed().then(() => this.#closed(connection))
      for (const user of users) user.joined(connection)
    } catch (error) {
      if (this.#at !== at) return
      log.warn({ server: at.server.text }, `no connection for key-value buckets: ${error instanceof Error ? error.message : String(error)}`)
      deadlines.set(this.#retry, RETRY_MS)
    }
  }

  #closed(connection: NatsConnection): void {
    if (this.#connection !== connection) return
    void this.#drop()
    if (this.#at !== undefined) this.#options.deadlines.set(this.#retry, RETRY_MS)
  }

  async #drop(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    this.#connection = undefined
    for (const user of this.#options.users) user.lost()
    await connection.close().catch(() => {})
  }
}
