// What a client may be told wherever it runs. Knows no environment, no files, and no kind of link.

import { systemClock } from '../broker/ground/clock.ts'
import type { Overflow, RetrySettings } from '../broker/ground/settings.ts'
import type { ClientOptions } from './client.ts'
import type { Credential, Identity } from './handshake.ts'

/** Limits on what waits at the broker for this client; they can lower the broker's, not raise them. */
export interface FlowOptions {
  /** When the limit is reached: `block` lets publishers wait, the others drop or end the connection. What was dropped is told by `gap`. */
  readonly overflow?: Overflow
  /** bytes */
  readonly maxPendingBytes?: number
  readonly maxPendingMessages?: number
}

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
  /** Broker and client watch each other: who is silent for two periods is asked, after a third the connection ends, and the client comes back. It must read without long stops. default false */
  readonly heartbeat?: boolean
  /** What happens to messages for this client that it does not read fast enough. default: as the broker has it */
  readonly flow?: FlowOptions
  /** Publish on each subject only as fast as the broker passes it on, so that one that is slow does not block the others. default false */
  readonly credit?: boolean
  /**
   * How long the broker keeps subscriptions, open requests and messages for this client after its connection broke, so
   * that it goes on without loss. The broker may grant less. ms, 0 = not at all; default 60000 over WebSocket, 0 over
   * the Unix socket (which breaks only when one of the two programs ends) and with `retry: false`
   */
  readonly sessionTtlMs?: number
  /** false: no memory is shared with the broker, large messages travel on the socket. default true, where both can */
  readonly sharedMemory?: boolean
  /** How to come back after a disconnect; what is left out is as the broker says. `maxRetries: Infinity` never gives up; false never comes back. */
  readonly retry?: Partial<RetrySettings> | false
  /** Messages that may wait for the connection. default 1000, 0 = none */
  readonly offlineLimit?: number
  /** Time for requests that name none. ms, default: as the broker says */
  readonly requestTimeoutMs?: number
  /** Time for each attempt to connect, handshake included. ms, default on Node CALLBOARD_CONNECT_TIMEOUT_MS, else 5000 */
  readonly connectTimeoutMs?: number
  /** Aborts connecting; later it destroys the client. */
  readonly signal?: AbortSignal
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5000
const DEFAULT_OFFLINE_LIMIT = 1000
/** For links that may break while both programs run. */
export const NETWORK_SESSION_TTL_MS = 60_000
const HEARTBEAT_MS = 30_000

/** What else a client is made of, where it runs. */
export interface Surroundings {
  /** What it says of itself beside the options. */
  readonly names: Identity
  readonly credential: () => Credential
  /** `sessionTtlMs` of options that do not say it. */
  readonly sessionTtlMs: number
}

/** What the client is told: the options, with their defaults. */
export function withDefaults(options: ConnectionOptions, { names, credential, sessionTtlMs: defaultTtlMs }: Surroundings): ClientOptions {
  // Nobody comes back for the session of a client that does not come back.
  const sessionTtlMs = options.retry === false ? 0 : (options.sessionTtlMs ?? defaultTtlMs)
  return {
    identity: {
      ...names,
      ...(options.echo === undefined ? {} : { echo: options.echo }),
      ...(options.heartbeat === true ? { heartbeatMs: HEARTBEAT_MS } : {}),
    },
    wishes: {
      ...(options.flow === undefined && options.credit !== true ? {} : { flow: { ...options.flow, ...(options.credit === true ? { credit: true } : {}) } }),
      ...(sessionTtlMs === 0 ? {} : { sessionTtlMs }),
      ...(options.sharedMemory === false ? { sharedMemory: false } : {}),
    },
    credential,
    retry: options.retry ?? {},
    offlineLimit: options.offlineLimit ?? DEFAULT_OFFLINE_LIMIT,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    requestTimeoutMs: options.requestTimeoutMs,
    clock: systemClock,
  }
}
