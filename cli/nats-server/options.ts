// What nats-server is told by flags and file, as Callboard understands it: undefined is what nobody said.

import type { ResponseRules } from '../../broker/ground/settings.ts'

export interface ServerOptions {
  /** undefined: every address, as nats-server has it */
  host?: string | undefined
  /** -1 = any that is free; undefined or 0: 4222 */
  port?: number | undefined
  serverName?: string | undefined
  monitor?: Listen | undefined
  authorization?: AuthorizationOptions | undefined
  /** Of the one account whose users are let in. */
  accountUsers?: readonly UserOptions[] | undefined
  /** Accounts whose users are let in by JWT, with those keys that may sign for each. */
  jwtAccounts?: readonly JwtAccount[] | undefined
  noAuthUser?: string | undefined
  tls?: TlsOptions | undefined
  allowNonTls?: boolean | undefined
  websocket?: WebSocketOptions | undefined
  maxPayloadBytes?: number | undefined
  maxControlLineBytes?: number | undefined
  maxPendingBytes?: number | undefined
  /** Negative or 0: as many as there may be. */
  maxConnections?: number | undefined
  maxSubscriptions?: number | undefined
  pingIntervalMs?: number | undefined
  maxPingsOut?: number | undefined
  lameDuckMs?: number | undefined
  lameDuckGraceMs?: number | undefined
  debug?: boolean | undefined
  trace?: boolean | undefined
  logtime?: boolean | undefined
  logFile?: string | undefined
  /** bytes */
  logFileLimit?: number | undefined
  pidFile?: string | undefined
  portsFileDirectory?: string | undefined
}

export interface JwtAccount {
  readonly nkey: string
  /** ms since the epoch, 0 = never */
  readonly expiresAtMs: number
}

/** An address to listen at; without a host the server's. */
export interface Listen {
  host?: string | undefined
  port: number
}

export interface AuthorizationOptions {
  user?: string | undefined
  password?: string | undefined
  token?: string | undefined
  timeoutMs?: number | undefined
  users?: readonly UserOptions[] | undefined
  defaultPermissions?: PermissionOptions | undefined
}

/** Either a name, mostly with a password, or a public nkey. */
export interface UserOptions {
  name?: string | undefined
  password?: string | undefined
  nkey?: string | undefined
  permissions?: PermissionOptions | undefined
}

export interface PermissionOptions {
  publish?: SubjectRules | undefined
  subscribe?: SubjectRules | undefined
  /** It may publish on the reply subjects of what it receives. */
  responses?: ResponseRules | undefined
}

/** Without `allow` everything that is not denied. */
export interface SubjectRules {
  allow?: readonly string[] | undefined
  deny?: readonly string[] | undefined
}

export interface TlsOptions {
  certFile?: string | undefined
  keyFile?: string | undefined
  caFile?: string | undefined
  verify?: boolean | undefined
  timeoutMs?: number | undefined
  handshakeFirst?: boolean | undefined
}

export interface WebSocketOptions {
  host?: string | undefined
  port?: number | undefined
  noTls?: boolean | undefined
  tls?: TlsOptions | undefined
  compression?: boolean | undefined
  allowedOrigins?: readonly string[] | undefined
  noAuthUser?: string | undefined
}
