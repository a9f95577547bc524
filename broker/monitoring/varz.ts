// The broker's own figures as `/varz` tells them. Shapes them; counts nothing.

import { WRITE_DEADLINE_MS } from '../ground/nats-settings.ts'
import type { NatsSettings, Settings } from '../ground/settings.ts'
import type { RequestCounts } from '../ground/monitoring.ts'
import { SYSTEM_ACCOUNT } from './account.ts'
import type { Moment } from './moment.ts'
import type { Traffic } from './departed.ts'
import { timestamp, uptime } from './go-format.ts'

/** Who the broker is to NATS clients, and where. */
export interface ServerIdentity {
  /** As INFO has them. */
  readonly id: string
  readonly name: string
  /** The version of nats-server as which it behaves. */
  readonly version: string
  /** Callboard's own. */
  readonly callboard: string
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface ServerFigures extends Traffic {
  readonly startedMicros: number
  /** When the settings were read that hold now. */
  readonly settingsMicros: number
  readonly residentBytes: number
  readonly cores: number
  readonly cpuPercent: number
  readonly connections: number
  readonly totalConnections: number
  readonly slowConsumers: number
  readonly subscriptions: number
  readonly maxConnections: number
  readonly nats: Endpoint | undefined
  readonly webSocket: Endpoint | undefined
  readonly http: Endpoint | undefined
}

const NANOSECONDS = 1_000_000

export function varz(identity: ServerIdentity, settings: Settings, figures: ServerFigures, requests: RequestCounts, now: Moment): object {
  const { nats, ipc } = settings
  const started = timestamp(figures.startedMicros)
  return {
    server_id: identity.id,
    server_name: identity.name,
    version: identity.version,
    proto: 1,
    callboard: identity.callboard,
    go: `node ${process.version}`,
    host: figures.nats?.host ?? nats.host,
    port: figures.nats?.port ?? 0,
    ...(nats.noAuthUser === undefined ? { auth_required: true } : {}),
    ...tlsOf(nats),
    max_connections: nats.maxConnections === 0 ? figures.maxConnections : nats.maxConnections,
    max_subscriptions: nats.maxSubscriptions === 0 ? ipc.limits.maxSubscriptions : nats.maxSubscriptions,
    ping_interval: nats.pingIntervalMs * NANOSECONDS,
    ping_max: nats.maxPingsOut,
    http_host: figures.http?.host ?? '',
    http_port: figures.http?.port ?? 0,
    http_base_path: '',
    https_port: 0,
    auth_timeout: nats.authTimeoutMs / 1000,
    max_control_line: nats.maxControlLineBytes,
    max_payload: nats.maxPayloadBytes ?? ipc.performance.maxMessageBytes,
    max_pending: nats.maxPendingBytes,
    cluster: {},
    gateway: {},
    leaf: {},
    mqtt: {},
    websocket: figures.webSocket === undefined ? {} : { host: figures.webSocket.host, port: figures.webSocket.port },
    jetstream: {},
    tls_timeout: (nats.tls?.handshakeTimeoutMs ?? 2000) / 1000,
    write_deadline: WRITE_DEADLINE_MS * NANOSECONDS,
    start: started,
    now: timestamp(now.wallMicros),
    uptime: uptime((now.wallMicros - figures.startedMicros) / 1000),
    mem: figures.residentBytes,
    cores: figures.cores,
    gomaxprocs: figures.cores,
    cpu: figures.cpuPercent,
    connections: figures.connections,
    total_connections: figures.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: figures.inMessages,
    out_msgs: figures.outMessages,
    in_bytes: figures.inBytes,
    out_bytes: figures.outBytes,
    slow_consumers: figures.slowConsumers,
    subscriptions: figures.subscriptions,
    http_req_stats: requests,
    config_load_time: timestamp(figures.settingsMicros),
    system_account: SYSTEM_ACCOUNT,
  }
}

function tlsOf({ tls }: NatsSettings): object {
  return tls === undefined ? {} : { tls_required: true, ...(tls.verify ? { tls_verify: true } : {}) }
}
