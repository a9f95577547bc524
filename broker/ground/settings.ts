// What the broker is told by its configuration, after defaults: plain data in the units the code uses.
// `config/` makes it from a file; without a file the defaults stand and no schema library is loaded.

import type { BackoffSettings } from './backoff-settings.ts'
import type { ProbeSettings, TrafficSettings } from './probes.ts'
import type { SandboxSettings } from './sandbox.ts'
import type { ScheduleSettings } from './schedule.ts'
import type { QueueOverrides } from './queue-overrides.ts'
import { defaultQueue, defaultStore, type QueuesSettings, type StoreSettings } from './store-settings.ts'
import type { AccountRules, BusSettings, NatsSettings, ResponseRules } from './nats-settings.ts'
import type { FifoSettings } from './fifo-settings.ts'
import { defaultSharedMemory, type SharedMemorySettings } from './memory-settings.ts'
import type { Overflow } from './overflow.ts'
import { defaultRegistry, type RegistrySettings } from './registry-settings.ts'
import type { ChannelMode, GroupRules, PatternRules, Role } from './types.ts'

export { overflows, type Overflow } from './overflow.ts'
export type { BackoffSettings } from './backoff-settings.ts'
export type { AccountRules, BusSettings, NatsBusSettings, NatsSettings, NatsTlsSettings, ResponseRules } from './nats-settings.ts'

export interface Settings {
  readonly ipc: IpcSettings
  readonly gateway: GatewaySettings
  readonly nats: NatsSettings
  /** undefined: no gRPC is spoken. */
  readonly grpc: GrpcSettings | undefined
  readonly bus: BusSettings
  readonly queue: QueuesSettings
  readonly store: StoreSettings
  readonly network: NetworkSettings
  readonly pool: PoolSettings
  readonly telemetry: TelemetrySettings
  readonly audit: AuditSettings
  readonly agents: readonly AgentSettings[]
  /** Those that agents name. */
  readonly agentGroups: readonly AgentGroupSettings[]
  readonly channels: readonly ChannelSettings[]
  readonly registry: RegistrySettings
  readonly sharedMemory: SharedMemorySettings
  readonly principals: readonly PrincipalSettings[]
  readonly fifos: readonly FifoSettings[]
  /** `entries`: how many runs the flight recorder remembers; a power of two, default 131072, 1024..1048576. */
  readonly recorder: { readonly entries: number }
  readonly log: LogSettings
}

export interface IpcSettings {
  /** false: no Unix socket is opened. */
  readonly enabled: boolean
  /** Path of the socket; undefined = `callboard.sock` in the home. */
  readonly socket: string | undefined
  /** Time a request is given when it names none. ms, default 5000, 1..3600000. */
  readonly timeoutMs: number
  /** 0 = as many as the process may have open files, less 64 for itself. */
  readonly maxConnections: number
  readonly performance: {
    /** Outbound pieces smaller than this are merged into one buffer per write, larger ones are passed as they are. bytes, default 8192. */
    readonly bufferBytes: number
    /** Largest payload. bytes, default 1048576. */
    readonly maxMessageBytes: number
    /** Ping clients that asked to be watched. */
    readonly keepAlive: boolean
    /** Compress large payloads for the receivers that can read it. */
    readonly compressionEnabled: boolean
  }
  readonly security: {
    readonly requireAuth: boolean
    /** undefined = every process of the right uid. Names from `processes`, built-in names, or absolute paths. */
    readonly allowedProcesses: readonly string[] | undefined
    readonly processes: Readonly<Record<string, ProcessSettings>>
    readonly validateSignature: boolean
  }
  readonly retry: RetrySettings
  readonly limits: LimitSettings
}

export interface ProcessSettings {
  /** Absolute path of the executable that the kernel must report. */
  readonly executable: string
  /** For interpreters: absolute path of the script. */
  readonly script?: string
}

export interface RetrySettings {
  readonly enabled: boolean
  readonly maxRetries: number
  readonly retryDelayMs: number
  readonly backoffMultiplier: number
}

export interface LimitSettings {
  /** ms, default 10000, 100..600000. */
  readonly handshakeMs: number
  /** How often watched clients are pinged. ms, default 30000, 100..3600000. */
  readonly heartbeatMs: number
  /** Most bytes that wait for one connection. bytes, default 16 MiB, at least 4 MiB (a quarter of it is the reserve above high-water). */
  readonly maxPendingBytes: number
  /** How long a receiver above high-water may stall its publishers. ms, default 200, 0..60000. */
  readonly stallMs: number
  /** What happens to a receiver whose stall time is used up, unless it, or the channel, says otherwise. */
  readonly overflow: Overflow
  /** Most messages that wait for one connection; 0 = only the bytes count. */
  readonly maxPendingMessages: number
  /** Longest time for which a session outlives its connection. ms, default 60000, 0 = no session does. */
  readonly sessionTtlMs: number
  /** What is kept for one session to send again after a resume, beside what waits. bytes, default 1 MiB */
  readonly sessionBytes: number
  /** What a client with credit may send on one subject beyond what has been passed on. bytes, default 1 MiB */
  readonly creditBytes: number
  readonly maxSubscriptions: number
  readonly maxOpenRequests: number
}

/** The one HTTP server and the WebSocket gateway on it. */
export interface GatewaySettings {
  readonly enabled: boolean
  /** Address to listen at. default 127.0.0.1 */
  readonly host: string
  /** default 18789, 0 = any that is free */
  readonly port: number
  /** The port was asked for: not getting it ends the start. Otherwise the broker runs without gateway, and says so. */
  readonly isPortRequired: boolean
  /** One gateway per host: where another one has the port, this broker has none. false: then it takes a free port. */
  readonly isOnePerHost: boolean
  /** Origins of pages that may connect, beside the gateway's own; `https://example.org`. */
  readonly allowedOrigins: readonly string[]
  /** Names under which the gateway may be asked for (header `Host`), beside its address and localhost. */
  readonly allowedHosts: readonly string[]
  /** Sockets at a time that have not authenticated yet: of one address, and of all. default 64, 1024 */
  readonly maxUnauthenticatedPerAddress: number
  readonly maxUnauthenticated: number
  /** Sockets at a time of one address, authenticated or not. default 0 = no limit */
  readonly maxConnectionsPerAddress: number
}

/** Where gRPC is spoken, and with how many. */
export interface GrpcSettings {
  /** false: on the Unix socket alone. */
  readonly hasPort: boolean
  /** Address to listen at. default 127.0.0.1 */
  readonly host: string
  /** default 50051, 0 = any that is free */
  readonly port: number
  /** Path of the Unix socket; undefined = `grpc.sock` in the home. */
  readonly socket: string | undefined
  /** HTTP/2 connections at a time. default 0 = as many as the broker may have */
  readonly maxConnections: number
  /** Calls at a time on one of them, streams among them. default 1000 */
  readonly maxCalls: number
  /** Clients may ask which services and messages there are. */
  readonly hasReflection: boolean
}

export interface NetworkSettings {
  readonly tcp: {
    readonly keepAlive: boolean
    readonly keepAliveIntervalMs: number
    readonly keepAliveProbes: number
  }
  readonly websocket: {
    /** ms, default 30000, 0 = no pings */
    readonly pingIntervalMs: number
    /** ms, default 10000 */
    readonly pingTimeoutMs: number
    /** Larger messages leave in several WebSocket frames. bytes, 0 = never */
    readonly maxFrameBytes: number
    /** Offer permessage-deflate; used after authentication, for messages above the pool's size. */
    readonly compression: boolean
  }
  readonly dns: {
    readonly cache: boolean
    readonly cacheTtlMs: number
    readonly prefetch: boolean
  }
}

/** The CPU pool: sizes from which work is done there, as `npm run bench -- pool` finds them. */
export interface PoolSettings {
  /** 0 = one less than the machine has cores, at least 1 */
  readonly threads: number
  /** bytes */
  readonly signatureAboveBytes: number
  /** Payloads smaller than this are not compressed at all. bytes */
  readonly compressAboveBytes: number
  /** permessage-deflate, likewise. bytes */
  readonly deflateAboveBytes: number
}

/** OpenTelemetry. Nothing of it is loaded unless one of these is set. */
export interface TelemetrySettings {
  /** Base URL of an OTLP/HTTP receiver, such as `http://127.0.0.1:4318`. */
  readonly endpoint: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** File with more headers, one `name: value` on each line; read at the start. */
  readonly headersFile: string | undefined
  readonly traces: boolean
  readonly metrics: boolean
  readonly logs: boolean
  /** Serve `/metrics` on the gateway's port. */
  readonly prometheus: boolean
  /** Who may read it without the token: programs of this host, or nobody. */
  readonly prometheusAccess: 'loopback' | 'token'
  /** How often metrics are sent. ms, default 60000 */
  readonly exportIntervalMs: number
  readonly serviceName: string
}

export interface AuditSettings {
  readonly enabled: boolean
  /** A file larger than this is set aside. bytes, default 16 MiB */
  readonly maxFileBytes: number
  /** How many files set aside are kept. default 10 */
  readonly keepFiles: number
}

/** Agents that fail and are restarted together. */
export interface AgentGroupSettings {
  readonly name: string
  readonly strategy: 'oneForOne' | 'oneForAll' | 'restForOne'
  /** Restarts for failures that are borne within `periodMs`; with one more all of it stay down, in quarantine. 0 and more */
  readonly intensity: number
  readonly periodMs: number
}

export interface AgentSettings {
  readonly name: string
  /** How many of it run. 1..1000; undefined = one. */
  readonly instances?: number | undefined
  /** What `{version}` stands for in command, arguments, directory and environment; undefined = itself. */
  readonly version?: string | undefined
  /** Time in which an instance must serve, before another is ended for it. ms, default 30000. */
  readonly startTimeoutMs?: number | undefined
  /** Agents that must serve before it is started; undefined = none. */
  readonly dependsOn?: readonly string[] | undefined
  /** Of those in `Settings.agentGroups`; undefined = it fails for itself. */
  readonly agentGroup?: string | undefined
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Working directory; undefined = the directory of the config file. */
  readonly cwd: string | undefined
  readonly restart: 'permanent' | 'transient' | 'temporary'
  readonly backoff: BackoffSettings
  /** Restarts after failures that are borne within `periodMs`; with one more it stays down, in quarantine. 0 and more; undefined = any number. */
  readonly intensity?: number | undefined
  /** ms, default 60000. */
  readonly periodMs?: number | undefined
  /** How it is found out whether it is well; undefined = its process runs. */
  readonly probes?: readonly ProbeSettings[] | undefined
  /** How it is judged by the requests that it gets; undefined = not. */
  readonly health?: TrafficSettings | undefined
  /** Time between SIGTERM and SIGKILL. ms, default 5000. */
  readonly shutdownMs: number
  /** What it is kept from; undefined = nothing. */
  readonly sandbox?: SandboxSettings | undefined
  /** Files with its secrets, by name: absolute paths; undefined = none. */
  readonly secrets?: Readonly<Record<string, string>> | undefined
  /** As whom it runs, by name or number; undefined = as the broker. Needs a broker of root. */
  readonly user?: string | undefined
  /** In which group of Unix, instead of the user's main group. */
  readonly group?: string | undefined
  /** When it is started; undefined = with the broker. */
  readonly schedule?: ScheduleSettings | undefined
  /** The least important lines of it that are logged; undefined = all that the broker's log takes. */
  readonly logLevel?: LogLevel | undefined
}

export interface ChannelSettings {
  readonly name: string
  readonly mode: ChannelMode
  readonly flow: ChannelFlow
  /** Mode `queue`: what it says itself; the block `queue` has the rest. */
  readonly queue?: QueueOverrides | undefined
}

/** Limits on what waits for any one receiver of a channel's messages; undefined: as the connection has it. */
export interface ChannelFlow {
  readonly overflow: Overflow | undefined
  readonly maxPendingMessages: number | undefined
  readonly maxPendingBytes: number | undefined
}

export interface PrincipalSettings {
  readonly name: string
  readonly roles: readonly Role[]
  /** Public nkey: of a user (`U…`), who signs the broker's nonce with the seed, or of an account (`A…`), whose users' JWTs are taken. NATS clients only. */
  readonly nkey: string | undefined
  /** The token itself, or the file it stands in (first line). At most one of the two, and none only beside `nkey`. */
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly publish: PatternRules
  readonly subscribe: PatternRules
  /** It may also publish on the reply subjects of messages that it received; undefined: it may not. NATS clients only. */
  readonly responses?: ResponseRules | undefined
  /** For principals whose `nkey` is an account's; undefined: no bearer tokens, and no end. */
  readonly account?: AccountRules | undefined
  /** What holds for the members of queue groups, before `subscribe`. NATS clients only. */
  readonly groups?: GroupRules | undefined
}

/** The least important first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogSettings {
  readonly level: LogLevel
}

const KIB = 1024
const MIB = 1024 * KIB

export const defaultBackoff: BackoffSettings = { initialMs: 100, maxMs: 30_000, multiplier: 2, jitter: 0.2 }

export const defaultGrpc: GrpcSettings = { hasPort: true, host: '127.0.0.1', port: 50_051, socket: undefined, maxConnections: 0, maxCalls: 1000, hasReflection: true }

export const defaultSettings: Settings = {
  ipc: {
    enabled: true,
    socket: undefined,
    timeoutMs: 5000,
    maxConnections: 0,
    performance: { bufferBytes: 8 * KIB, maxMessageBytes: MIB, keepAlive: true, compressionEnabled: false },
    security: { requireAuth: true, allowedProcesses: undefined, processes: {}, validateSignature: false },
    retry: { enabled: true, maxRetries: 3, retryDelayMs: 1000, backoffMultiplier: 2 },
    limits: {
      handshakeMs: 10_000,
      heartbeatMs: 30_000,
      maxPendingBytes: 16 * MIB,
      stallMs: 200,
      overflow: 'disconnect',
      maxPendingMessages: 0,
      sessionTtlMs: 60_000,
      sessionBytes: MIB,
      creditBytes: MIB,
      maxSubscriptions: 10_000,
      maxOpenRequests: 10_000,
    },
  },
  gateway: {
    enabled: true,
    host: '127.0.0.1',
    port: 18_789,
    isPortRequired: false,
    isOnePerHost: true,
    allowedOrigins: [],
    allowedHosts: [],
    maxUnauthenticatedPerAddress: 64,
    maxUnauthenticated: 1024,
    maxConnectionsPerAddress: 0,
  },
  nats: {
    enabled: true,
    host: '127.0.0.1',
    port: 4222,
    isPortRequired: false,
    serverName: undefined,
    maxPayloadBytes: undefined,
    maxControlLineBytes: 4096,
    maxPendingBytes: 64 * MIB,
    maxConnections: 0,
    maxSubscriptions: 0,
    pingIntervalMs: 120_000,
    maxPingsOut: 2,
    authTimeoutMs: 2000,
    noAuthUser: undefined,
    tls: undefined,
    lameDuckMs: 0,
    requestTimeoutMs: 60_000,
    monitor: undefined,
    websocket: undefined,
  },
  grpc: undefined,
  bus: { nats: undefined },
  queue: { enabled: true, defaults: defaultQueue },
  store: defaultStore,
  network: {
    tcp: { keepAlive: true, keepAliveIntervalMs: 30_000, keepAliveProbes: 3 },
    websocket: { pingIntervalMs: 30_000, pingTimeoutMs: 10_000, maxFrameBytes: 0, compression: false },
    dns: { cache: true, cacheTtlMs: 300_000, prefetch: false },
  },
  pool: { threads: 0, signatureAboveBytes: 64 * KIB, compressAboveBytes: 32 * KIB, deflateAboveBytes: 16 * KIB },
  telemetry: { endpoint: undefined, headers: {}, headersFile: undefined, traces: true, metrics: true, logs: true, prometheus: false, prometheusAccess: 'loopback', exportIntervalMs: 60_000, serviceName: 'callboard' },
  audit: { enabled: true, maxFileBytes: 16 * MIB, keepFiles: 10 },
  agents: [],
  agentGroups: [],
  channels: [],
  registry: defaultRegistry,
  sharedMemory: defaultSharedMemory,
  principals: [],
  fifos: [],
  recorder: { entries: 131_072 },
  log: { level: 'info' },
}
