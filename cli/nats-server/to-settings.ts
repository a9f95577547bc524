// A server's options as settings of a broker: what nats-server would be with them, as near as Callboard can.

import { randomBytes } from 'node:crypto'
import { defaultSettings, type NatsTlsSettings, type PrincipalSettings, type Settings } from '../../broker/ground/settings.ts'
import type { GroupRule, GroupRules, PatternRules } from '../../broker/ground/types.ts'
import { Failure } from '../failure.ts'
import type { PermissionOptions, ServerOptions, SubjectRules, TlsOptions, UserOptions } from './options.ts'

/** nats-server's own is every address; here a port is opened to others when somebody says so. */
const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 4222
const MIB = 1024 * 1024
const DEFAULT_MAX_PAYLOAD = MIB
const DEFAULT_MAX_PENDING = 64 * MIB
/** The broker cannot do with less: a quarter of it is the reserve above high-water. */
const LEAST_MAX_PENDING = 4 * MIB
const DEFAULT_MAX_CONNECTIONS = 64 * 1024
/** nats-server has no limit. */
const DEFAULT_MAX_SUBSCRIPTIONS = 1_000_000
const AUTH_TIMEOUT_MS = 2000
const TLS_TIMEOUT_MS = 2000
const DEFAULT_PING_INTERVAL_MS = 120_000
const DEFAULT_PINGS_OUT = 2
const DEFAULT_LAME_DUCK_MS = 120_000

const EVERYTHING: PatternRules = { allow: ['>'], deny: [] }
/** Names that the broker gives away itself. */
const OWN_NAMES = /^(?:owner$|agent:)/

/** The principal of everybody on a server without users. */
const ANONYMOUS = 'anonymous'
/** The principal of whoever has the token. */
const TOKEN_HOLDER = 'token'

interface ServerSettings {
  readonly settings: Settings
  readonly warnings: readonly string[]
}

/** @throws Failure for names that users cannot have */
export function toSettings(options: ServerOptions): ServerSettings {
  const { authorization, tls, websocket, monitor } = options
  const host = options.host ?? DEFAULT_HOST
  const principals = principalsOf(options)
  const isOpen = principals.length === 0
  const maxPayload = options.maxPayloadBytes || DEFAULT_MAX_PAYLOAD
  const maxPending = options.maxPendingBytes || DEFAULT_MAX_PENDING
  const warnings = maxPending < LEAST_MAX_PENDING ? [`max_pending is ${maxPending.toLocaleString('en-US')} bytes; ${LEAST_MAX_PENDING.toLocaleString('en-US')}, the least that works, are used`] : []
  const { ipc, gateway, nats } = defaultSettings
  const settings: Settings = {
    ...defaultSettings,
    ipc: {
      ...ipc,
      performance: { ...ipc.performance, maxMessageBytes: Math.max(maxPayload, ipc.performance.maxMessageBytes) },
      limits: { ...ipc.limits, maxSubscriptions: DEFAULT_MAX_SUBSCRIPTIONS },
    },
    // Nobody comes by it: nats-server has no such port.
    gateway: { ...gateway, enabled: false, allowedOrigins: websocket?.allowedOrigins ?? [], maxUnauthenticatedPerAddress: DEFAULT_MAX_CONNECTIONS, maxUnauthenticated: DEFAULT_MAX_CONNECTIONS },
    nats: {
      ...nats,
      host,
      port: portOf(options.port, DEFAULT_PORT),
      isPortRequired: true,
      serverName: options.serverName,
      maxPayloadBytes: maxPayload,
      maxControlLineBytes: options.maxControlLineBytes || nats.maxControlLineBytes,
      maxPendingBytes: Math.max(maxPending, LEAST_MAX_PENDING, maxPayload * 4),
      maxConnections: limitOf(options.maxConnections, DEFAULT_MAX_CONNECTIONS),
      maxSubscriptions: limitOf(options.maxSubscriptions, 0),
      pingIntervalMs: options.pingIntervalMs || DEFAULT_PING_INTERVAL_MS,
      maxPingsOut: options.maxPingsOut || DEFAULT_PINGS_OUT,
      // With TLS the handshake takes its part.
      authTimeoutMs: authorization?.timeoutMs || (tls === undefined ? AUTH_TIMEOUT_MS : (tls.timeoutMs || TLS_TIMEOUT_MS) + 1000),
      noAuthUser: isOpen ? ANONYMOUS : options.noAuthUser,
      ignoresCredentials: isOpen,
      tls: tls === undefined ? undefined : { ...tlsSettings(tls), isOptional: options.allowNonTls === true },
      traces: options.trace === true,
      lameDuckMs: options.lameDuckMs ?? DEFAULT_LAME_DUCK_MS,
      monitor: monitor === undefined || monitor.port === 0 ? undefined : { host: monitor.host ?? host, port: portOf(monitor.port, 0) },
      websocket: websocket?.port === undefined ? undefined : { host: websocket.host ?? host, port: portOf(websocket.port, 0), tls: websocket.tls === undefined ? undefined : tlsSettings(websocket.tls) },
    },
    network: { ...defaultSettings.network, websocket: { ...defaultSettings.network.websocket, compression: websocket?.compression === true } },
    principals: isOpen ? [principal(ANONYMOUS, randomBytes(32).toString('base64url'), undefined)] : principals,
    log: { level: options.debug === true ? 'debug' : 'info' },
  }
  return { settings, warnings }
}

// -1 = any that is free, 0 = nobody said.
function portOf(port: number | undefined, otherwise: number): number {
  return port === undefined || port === 0 ? otherwise : Math.max(port, 0)
}

// Negative = none.
function limitOf(limit: number | undefined, otherwise: number): number {
  return limit === undefined || limit === 0 ? otherwise : Math.max(limit, 0)
}

function tlsSettings({ certFile, keyFile, caFile, verify, timeoutMs, handshakeFirst }: TlsOptions): NatsTlsSettings {
  return { certFile: certFile!, keyFile: keyFile!, caFile, verify: verify === true, handshakeTimeoutMs: timeoutMs || TLS_TIMEOUT_MS, isFirst: handshakeFirst === true }
}

function principalsOf({ authorization, accountUsers, jwtAccounts }: ServerOptions): PrincipalSettings[] {
  // Operator mode: the JWTs alone say who is let in.
  if (jwtAccounts !== undefined) return jwtAccounts.map(({ nkey, expiresAtMs }) => ({ ...principal(nkey, undefined, undefined), nkey, account: { acceptsBearer: true, expiresAtMs } }))
  const { user, password, token, users, defaultPermissions } = authorization ?? {}
  const many = [...(users ?? []).map((each) => ({ ...each, permissions: each.permissions ?? defaultPermissions })), ...(accountUsers ?? [])]
  if (token !== undefined) return [principal(TOKEN_HOLDER, token, undefined)]
  if (user !== undefined || password !== undefined) return [principal(user ?? '', password ?? '', defaultPermissions)]
  const taken = many.find(({ name }) => name !== undefined && OWN_NAMES.test(name))
  if (taken !== undefined) throw Failure.usage(`user "${taken.name}": the broker gives this name away itself; choose another`)
  return many.map((each: UserOptions) => ({ ...principal(each.nkey ?? each.name!, each.nkey === undefined ? (each.password ?? '') : undefined, each.permissions), nkey: each.nkey }))
}

function principal(name: string, token: string | undefined, permissions: PermissionOptions | undefined): PrincipalSettings {
  return {
    name,
    // Channels have no directions for it: a NATS subject is open in both.
    roles: ['system'],
    nkey: undefined,
    token,
    tokenFile: undefined,
    publish: rules(permissions?.publish),
    subscribe: rules(permissions?.subscribe),
    responses: permissions?.responses,
    groups: groupRules(permissions?.subscribe),
  }
}

/** The entries for everybody: those without a queue group. */
function rules(subjects: SubjectRules | undefined): PatternRules {
  const plain = (entries: readonly string[] = []): string[] => entries.filter((entry) => wordsOf(entry).length === 1)
  return subjects === undefined ? EVERYTHING : { allow: subjects.allow === undefined ? EVERYTHING.allow : plain(subjects.allow), deny: plain(subjects.deny) }
}

function groupRules(subjects: SubjectRules | undefined): GroupRules | undefined {
  const grouped = (entries: readonly string[] = []): GroupRule[] => entries.map(wordsOf).flatMap(([pattern, group]) => (group === undefined ? [] : [{ pattern: pattern!, group }]))
  const found = { allow: grouped(subjects?.allow), deny: grouped(subjects?.deny) }
  return found.allow.length + found.deny.length === 0 ? undefined : found
}

// `pattern`, or `pattern group`.
function wordsOf(entry: string): string[] {
  return entry.trim().split(/\s+/)
}
