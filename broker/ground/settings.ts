// What the broker is told by its configuration, after defaults: plain data in the units the code uses.
// `config/` makes it from a file; without a file the defaults stand and no schema library is loaded.

import type { ChannelMode, PatternRules, Role } from './types.ts'

export interface Settings {
  readonly ipc: IpcSettings
  readonly agents: readonly AgentSettings[]
  readonly channels: readonly ChannelSettings[]
  readonly principals: readonly PrincipalSettings[]
  readonly recorder: RecorderSettings
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
  readonly maxSubscriptions: number
  readonly maxOpenRequests: number
}

export interface AgentSettings {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Working directory; undefined = the directory of the config file. */
  readonly cwd: string | undefined
  readonly restart: 'permanent' | 'transient' | 'temporary'
  readonly backoff: BackoffSettings
  /** Time between SIGTERM and SIGKILL. ms, default 5000. */
  readonly shutdownMs: number
}

export interface BackoffSettings {
  /** Delay before the first restart. ms, default 100. */
  readonly initialMs: number
  /** ms, default 30000. */
  readonly maxMs: number
  /** default 2, at least 1. */
  readonly multiplier: number
  /** Share of the delay that is random, 0..1, default 0.2. */
  readonly jitter: number
}

export interface ChannelSettings {
  readonly name: string
  readonly mode: ChannelMode
}

export interface PrincipalSettings {
  readonly name: string
  readonly roles: readonly Role[]
  /** The token itself, or the file it stands in (first line). Exactly one of the two. */
  readonly token: string | undefined
  readonly tokenFile: string | undefined
  readonly publish: PatternRules
  readonly subscribe: PatternRules
}

export interface RecorderSettings {
  /** How many runs the flight recorder remembers; a power of two, default 131072, 1024..1048576. */
  readonly entries: number
}

export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
}

const KIB = 1024
const MIB = 1024 * KIB

export const defaultBackoff: BackoffSettings = { initialMs: 100, maxMs: 30_000, multiplier: 2, jitter: 0.2 }

export const defaultSettings: Settings = {
  ipc: {
    enabled: true,
    socket: undefined,
    timeoutMs: 5000,
    maxConnections: 0,
    performance: { bufferBytes: 8 * KIB, maxMessageBytes: MIB, keepAlive: true },
    security: { requireAuth: true, allowedProcesses: undefined, processes: {}, validateSignature: false },
    retry: { enabled: true, maxRetries: 3, retryDelayMs: 1000, backoffMultiplier: 2 },
    limits: { handshakeMs: 10_000, heartbeatMs: 30_000, maxPendingBytes: 16 * MIB, stallMs: 200, maxSubscriptions: 10_000, maxOpenRequests: 10_000 },
  },
  agents: [],
  channels: [],
  principals: [],
  recorder: { entries: 131_072 },
  log: { level: 'info' },
}
