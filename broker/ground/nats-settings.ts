// What the broker is told of NATS: the port at which NATS clients connect, and the servers that it joins itself.

import type { BackoffSettings } from './backoff-settings.ts'

/** A NATS client that is behind, and whose publishers wait for it no longer, must take something in this time, as with nats-server. ms */
export const WRITE_DEADLINE_MS = 10_000

/** The port at which NATS clients connect. */
export interface NatsSettings {
  readonly enabled: boolean
  /** Address to listen at. default 127.0.0.1 */
  readonly host: string
  /** default 4222, 0 = any that is free */
  readonly port: number
  /** The port was asked for: not getting it ends the start. Otherwise the broker runs without it, and says so. */
  readonly isPortRequired: boolean
  /** What `INFO` calls this server; undefined = `callboard-` and the id of the home. */
  readonly serverName: string | undefined
  /** Largest payload of one message; undefined = ipc.performance.maxMessageBytes. bytes */
  readonly maxPayloadBytes: number | undefined
  /** Longest line of the protocol. bytes, default 4096 */
  readonly maxControlLineBytes: number
  /** Most bytes that wait for one connection. bytes, default 64 MiB, at least 4 MiB */
  readonly maxPendingBytes: number
  /** 0 = as many as the broker may have. */
  readonly maxConnections: number
  /** Subscriptions of one connection; 0 = ipc.limits.maxSubscriptions. */
  readonly maxSubscriptions: number
  /** How often a client is pinged. ms, default 120000 */
  readonly pingIntervalMs: number
  /** Pings without an answer after which it is stale. default 2 */
  readonly maxPingsOut: number
  /** Time to authenticate. ms, default 2000 */
  readonly authTimeoutMs: number
  /** The principal of those who present no credential; undefined: they are refused. */
  readonly noAuthUser: string | undefined
  /** Everybody is let in as `noAuthUser`, whatever they present, as by a nats-server without users. default false */
  readonly ignoresCredentials?: boolean
  readonly tls: NatsTlsSettings | undefined
  /** Each operation that a client sends is logged, at level debug, without payloads and secrets. Connections from then on. default false */
  readonly traces?: boolean
  /** How long clients have, from the beginning of lame duck mode, to go elsewhere. ms, default 0: SIGTERM ends at once */
  readonly lameDuckMs: number
  /** For how long a native responder may take to answer a NATS client's request. ms, default 60000 */
  readonly requestTimeoutMs: number
  /** The monitoring endpoints (`/varz`, `/connz` …) on a port of their own, as nats-server has them; undefined: on the gateway's port alone. */
  readonly monitor: { readonly host: string; readonly port: number } | undefined
  /** NATS over WebSocket on a port of its own, at any path, as nats-server has it; on the gateway's port it is at `/nats`. */
  readonly websocket: { readonly host: string; readonly port: number; readonly tls: NatsTlsSettings | undefined } | undefined
}

export interface NatsTlsSettings {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string | undefined
  /** Clients must show a certificate of the CA. */
  readonly verify: boolean
  /** Clients may also go on in plain. default false */
  readonly isOptional?: boolean
  /** The handshake comes before the greeting. default false */
  readonly isFirst?: boolean
  /** ms, default 2000 */
  readonly handshakeTimeoutMs: number
}

/** What carries messages beyond this process. */
export interface BusSettings {
  /** undefined: nothing does. */
  readonly nats: NatsBusSettings | undefined
}

/** Real NATS servers that this broker joins, and through them other brokers. */
export interface NatsBusSettings {
  /** `nats://host:port`, tried in random order. */
  readonly servers: readonly string[]
  /** File with a user's JWT and seed (`.creds`), a seed (`.nk`), or one line `token` or `user:password`. */
  readonly credentialsFile: string | undefined
  readonly tls: { readonly caFile: string | undefined; readonly certFile: string | undefined; readonly keyFile: string | undefined } | undefined
  /** What the servers call this broker's connections, and other brokers this broker; undefined = `callboard-` and the id of the home. */
  readonly name: string | undefined
  /** Patterns of the subjects that are shared. default everything that is not reserved */
  readonly subjects: readonly string[]
  /** Queue groups that stay within this broker: patterns of their subjects. */
  readonly localGroups: readonly string[]
  /** How often the servers are pinged; two pings without an answer and the link is lost. ms, default 500 */
  readonly pingIntervalMs: number
  /** Bounds on what is held while the link is down. bytes, default 8 MiB; ms, default 30000 */
  readonly holdBytes: number
  readonly holdMs: number
  readonly backoff: BackoffSettings
}

/** How the JWTs of an account's users are taken. */
export interface AccountRules {
  /** Also JWTs of users who need not sign the nonce: whoever has such a JWT is let in. */
  readonly acceptsBearer: boolean
  /** From then on nobody is let in by it, and who is in is ended. ms since the epoch, 0 = never */
  readonly expiresAtMs: number
}

/** What may be published in answer to one message. Negative: no limit. */
export interface ResponseRules {
  readonly maxMessages: number
  /** From the message on. ms */
  readonly ttlMs: number
}
