// What a client may be told wherever it runs. Knows no environment, no files, and no kind of link.

import { systemClock } from '../broker/ground/clock.ts'
import type { RetrySettings } from '../broker/ground/settings.ts'
import type { ClientOptions } from './client.ts'
import type { Credential, Identity } from './handshake.ts'

export interface ConnectionOptions {
  /** Whose credential it is. default `owner`; an agent that the broker started: `agent:<name>` */
  readonly principal?: string
  /** Id by which others reach this client: 1..128 of `A-Z a-z 0-9 _ -`. The same principal takes it over. default: made from the program's name, different for each client */
  readonly clientId?: string
  /** Name for people. default: the agent's, else that of the running script; `browser` in a browser */
  readonly program?: string
  /** false: what this client publishes is not delivered to itself. default true */
  readonly echo?: boolean
  /** `challenge` never sends the token and proves the broker too; `token` saves a round trip. default `challenge` */
  readonly auth?: 'token' | 'challenge'
  /** Let the broker ping this client and close it when it falls silent; it must then read without long stops. default false */
  readonly heartbeat?: boolean
  /** How to come back after a disconnect; what is left out is as the broker says. `maxRetries: Infinity` never gives up; false never comes back. */
  readonly retry?: Partial<RetrySettings> | false
  /** Messages that may wait for the connection. default 1000, 0 = none */
  readonly offlineLimit?: number
  /** Time for requests that name none. ms, default: as the broker says */
  readonly requestTimeoutMs?: number
  /** Time for each attempt to connect, handshake included. ms, default 5000 */
  readonly connectTimeoutMs?: number
  /** Aborts connecting; later it destroys the client. */
  readonly signal?: AbortSignal
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5000
const DEFAULT_OFFLINE_LIMIT = 1000
const HEARTBEAT_MS = 30_000

/** What the client is told: the options, with their defaults. `names` is what it says of itself beside them. */
export function withDefaults(options: ConnectionOptions, names: Identity, credential: () => Credential): ClientOptions {
  return {
    identity: {
      ...names,
      ...(options.echo === undefined ? {} : { echo: options.echo }),
      ...(options.heartbeat === true ? { heartbeatMs: HEARTBEAT_MS } : {}),
    },
    credential,
    retry: options.retry ?? {},
    offlineLimit: options.offlineLimit ?? DEFAULT_OFFLINE_LIMIT,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    requestTimeoutMs: options.requestTimeoutMs,
    clock: systemClock,
  }
}
