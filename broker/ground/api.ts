// The broker's own methods, `$CB.api.<method>`: what each takes and answers. Types only; docs/protocol.md section 5 is the contract.

import type { AgentMethods } from './agent-api.ts'
import type { ClusterStatus } from './cluster.ts'
import type { LeaseInfo } from './leases.ts'
import type { ProbeHealth, ProbeInfo } from './probes.ts'
import type { CrashSummary } from './crash.ts'
import type { QueueMethods, QueuesStatus } from './queue-api.ts'
import type { QueueOverrides } from './queue-overrides.ts'
import type { InstanceInfo } from './registry.ts'
import type { RegistryMethods } from './registry-api.ts'
import type { SandboxReport } from './sandbox.ts'
import type { ScheduleInfo } from './schedule.ts'
import type { AgentSettings, Overflow } from './settings.ts'
import type { TraceEntry, TraceQuery } from './trace-api.ts'
import type { ActorInfo, ChannelDirection, ChannelMode, Phase, Quarantine, Role } from './types.ts'

type NoParams = Readonly<Record<string, never>>

/** The link to NATS servers, through which a broker is joined to others. */
export interface BusStatus {
  /** `connecting`: it looks for a server; `waiting`: none let it in, and it looks again after a while. */
  readonly state: 'connecting' | 'joined' | 'waiting'
  /** `host:port`, while it is joined. */
  readonly server?: string
  readonly serverName?: string
  /** How long it has been in that state. */
  readonly sinceMs: number
  readonly rttMs: number
  /** Why it is not joined. */
  readonly problem?: string
  /** Other brokers that it has heard of. */
  readonly peers: number
  /** Patterns and queue groups that this broker's clients want from others. */
  readonly patterns: number
  readonly groups: number
  /** Deliveries that the servers have confirmed. */
  readonly forwarded: number
  /** Deliveries that wait for the link. */
  readonly held: number
  /** Deliveries lost since there was no link, and such that may have arrived or not. */
  readonly lost: { readonly down: number; readonly unknown: number }
  /** Messages of the servers that belonged to nothing. */
  readonly strays: number
  /** Messages that came after their broker had counted them as lost, and were passed by. */
  readonly late: number
  /** Messages that were too large for the servers, could not be written as theirs, or may not be published there. */
  readonly unsent: number
  /** What brokers share beside messages. */
  readonly cluster: ClusterStatus
}

export interface BrokerStatus {
  readonly broker: string
  readonly incarnation: number
  readonly version: string
  readonly pid: number
  readonly phase: Phase
  readonly uptimeMs: number
  readonly home: string
  readonly socket: string
  /** URL of the WebSocket gateway; missing when the broker runs without. */
  readonly gateway?: string
  /** Why it runs without, though a gateway is configured. */
  readonly gatewayProblem?: string
  /** URL of the NATS port; missing when the broker runs without. */
  readonly nats?: string
  /** Why it runs without, though a NATS port is configured. */
  readonly natsProblem?: string
  /** Where gRPC is spoken: URL of the port, and path of the Unix socket. */
  readonly grpc?: string
  readonly grpcSocket?: string
  /** Missing where the broker joins no servers. */
  readonly bus?: BusStatus
  readonly leases: readonly LeaseInfo[]
  readonly connections: number
  readonly channels: number
  /** Missing where there is none. */
  readonly queues?: QueuesStatus
  readonly agents: number
  readonly rssBytes: number
  readonly heapBytes: number
  readonly cpuSeconds: number
  readonly host: { readonly name: string; readonly loadAverage: readonly number[]; readonly memoryBytes: number; readonly freeMemoryBytes: number; readonly cpus: number }
}

export interface ConnectionInfo {
  /** `conn-<origin>` */
  readonly id: string
  readonly client: string
  readonly principal: string
  readonly roles: readonly Role[]
  readonly program?: string
  readonly agent?: string
  readonly transport: 'unix' | 'tcp' | 'websocket' | 'grpc' | 'fifo'
  readonly dialect: string
  readonly device?: DeviceInfo
  /** What happens when more waits for it than may, and how much may; without `maxPendingMessages` only the bytes count. */
  readonly flow: { readonly overflow: Overflow; readonly maxPendingBytes: number; readonly maxPendingMessages?: number }
  /** Channels whose messages it gets, where that was asked for. */
  readonly channels?: readonly string[]
  readonly phase: Phase
  readonly address: string
  readonly pid?: number
  readonly uid?: number
  readonly ageMs: number
  readonly subscriptions: number
  readonly in: { readonly messages: number; readonly bytes: number }
  readonly out: { readonly messages: number; readonly bytes: number; readonly pendingMessages: number; readonly pendingBytes: number }
  readonly dropped: number
  /** The same by reason, once there were any. */
  readonly droppedBy?: Readonly<Record<string, number>>
  readonly openRequests: number
  /** Where it consumes queues. */
  readonly consumes?: readonly ConsumptionInfo[]
  readonly stalled: boolean
}

/** A connection as a consumer of a queue. */
export interface ConsumptionInfo {
  readonly queue: string
  readonly subscription: number
  /** Messages that it still takes. */
  readonly credit: number
  /** Messages on lease to it. */
  readonly inFlight: number
  /** False: it takes no more, and may settle what it has. */
  readonly isOpen: boolean
}

export interface ChannelInfo {
  readonly name: string
  readonly mode: ChannelMode
  readonly direction: ChannelDirection
  readonly predefined: boolean
  /** Mode `queue`: what it says of itself; the configuration decides the rest. */
  readonly queue?: QueueOverrides | undefined
  /** Milliseconds since the epoch, 0 for predefined channels. */
  readonly createdAt: number
  readonly accepted: number
  readonly delivered: number
  readonly dropped: number
  readonly pending: number
  readonly subscribers: number
}

export interface BrokerStats {
  readonly accepted: number
  readonly deliveries: number
  readonly written: number
  /** Confirmed by the other end of the link to other brokers. */
  readonly forwarded: number
  /** Kept by a queue. */
  readonly stored: number
  readonly pending: number
  /** Deliveries by the reason for which they were dropped. */
  readonly dropped: Readonly<Record<string, number>>
  readonly rejected: number
  /** Came before under the same id; neither accepted nor rejected. */
  readonly duplicates: number
  /** The accounting identity holds. */
  readonly balanced: boolean
  readonly channels: readonly ChannelStats[]
}

/** The same for one channel. */
export interface ChannelStats extends Omit<BrokerStats, 'balanced' | 'channels'> {
  readonly name: string
}

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
  /** Those that were asked for, in their order. */
  readonly at?: readonly { readonly percentile: number; readonly ms: number }[]
}

/** Latency of the latest runs of one channel, or of what one connection sent; `count` are runs. */
export interface LatencyGroup extends Percentiles {
  readonly kind: 'channel' | 'connection'
  /** A channel's name, or `conn-<origin>`. */
  readonly name: string
  readonly count: number
}

/** A `counter` only grows, and what it grew by counts; of a `gauge` the value does. */
export type SeriesKind = 'counter' | 'gauge'

/** One metric over a time. */
export interface HistorySeries {
  readonly name: string
  readonly kind: SeriesKind
  /** Counters: growth over the time covered. Gauges: the value now. */
  readonly value: number
  /** Counters alone: growth per second. */
  readonly rate?: number
  /** Gauges alone: the largest value seen. */
  readonly peak?: number
  /** The time covered in equal parts, oldest first. Counters: growth in each, their sum is `value`. Gauges: the largest value in each. */
  readonly points: readonly number[]
}

export interface HistoryAnswer {
  /** The time covered: what was asked for, to the next sample, or less when nothing older is known. ms */
  readonly coversMs: number
  /** How far apart the samples are. ms */
  readonly resolutionMs: number
  readonly series: readonly HistorySeries[]
}

export interface HistoryQuery {
  /** ms, 1000..86400000 */
  readonly periodMs: number
  /** Names, or their first words: `messages` is every metric that begins with it. Default all. */
  readonly metrics?: readonly string[]
  /** Parts that the time is divided into. 1..1000, default 60 */
  readonly points?: number
}

export interface LatencyQuery {
  /** At most 20, 0..100 each. */
  readonly percentiles?: readonly number[]
  /** By channel and by sender too. */
  readonly groups?: boolean
}

/** `warn`: it works, but not as it should; `fail`: something does not work. */
export type HealthState = 'ok' | 'warn' | 'fail'

export interface HealthPart {
  readonly part: string
  readonly state: HealthState
  readonly text: string
  /** The figures behind it; names end in their unit. */
  readonly values: Readonly<Record<string, number>>
}

/** What a device says of itself. */
export interface DeviceInfo {
  readonly role?: string
  readonly nodeType?: string
  readonly version?: string
  readonly capabilities: readonly string[]
}

/** One instance of an agent. */
export interface AgentInfo {
  /** That of the instance: the first is called as its agent, others `agent/2`, `agent/3`. */
  readonly name: string
  /** As the configuration has it. */
  readonly agent: string
  /** 1 and more. */
  readonly instance: number
  readonly phase: Phase
  readonly pid?: number
  readonly incarnation: number
  readonly restarts: number
  readonly ageMs: number
  /** Resident memory of its process, where the system tells. bytes */
  readonly residentBytes?: number
  /** Processor time that its process has used, with the children that it has waited for, where the system tells. ms */
  readonly cpuMs?: number
  readonly lastExit?: string
  /** What its sandbox came to; missing when it has none. */
  readonly sandbox?: SandboxReport
  /** When it is started; missing: with the broker. */
  readonly schedule?: ScheduleInfo
  /** What `{version}` stands for in its settings. */
  readonly version?: string
  /** Agents that must serve before it is started; missing: it does not wait. */
  readonly waitsFor?: readonly string[]
  /** It gets nothing new, and ends when it has answered what it has. */
  readonly draining?: boolean
  /** It was drained, and stays down until it is restarted. */
  readonly drained?: boolean
  /** Settings that an operator changed since, by scale and upgrade. */
  readonly changed?: readonly string[]
  /** How it is, by its probes; missing: it has none, or does not run. */
  readonly health?: ProbeHealth
  /** Why it is not healthy, in words; where no process runs, why none could be started. */
  readonly problem?: string
  /** What its probes have found; missing like `health`. */
  readonly probes?: readonly ProbeInfo[]
  /** It failed too often and stays down until it is restarted. */
  readonly quarantine?: Quarantine
}

/** All instances of one agent. */
interface AgentInstances {
  readonly agents: readonly AgentInfo[]
}

/** What the configuration says of an agent: of variables and secrets the names alone. */
export type ShownAgentSettings = Omit<AgentSettings, 'env' | 'secrets'> & { readonly env: readonly string[]; readonly secrets: readonly string[] }

/** One instance with all that the broker has of it. */
export interface AgentDetails {
  readonly info: AgentInfo
  /** Those with its credential: its own, and of programs that it started. */
  readonly connections: readonly ConnectionInfo[]
  /** What these are registered as. */
  readonly registered: readonly InstanceInfo[]
  /** The last 3, the newest first. */
  readonly crashes: readonly CrashSummary[]
}

export interface AgentShown {
  readonly agent: string
  readonly settings: ShownAgentSettings
  /** All, or the one that was asked for. */
  readonly instances: readonly AgentDetails[]
}

/** The broker goes on in another process. */
export interface UpgradeAnswer {
  readonly pid: number
  readonly version: string
  /** Sessions that went with it. */
  readonly sessions: number
  /** How long nobody was served. ms */
  readonly pauseMs: number
}

/** Method → [params, answer]. */
export interface ApiMethods extends QueueMethods, RegistryMethods, AgentMethods {
  ping: [NoParams, { readonly now: number }]
  status: [NoParams, BrokerStatus]
  tree: [NoParams, ActorInfo]
  connections: [{ readonly id?: string; readonly channels?: boolean }, { readonly connections: readonly ConnectionInfo[] }]
  'channel.list': [NoParams, { readonly channels: readonly ChannelInfo[] }]
  'channel.show': [{ readonly name: string }, ChannelInfo]
  'channel.create': [{ readonly name: string; readonly mode?: ChannelMode; /** Mode `queue`: what it says of itself. */ readonly queue?: QueueOverrides }, ChannelInfo]
  /** `force`: with the messages that its queue holds. */
  'channel.delete': [{ readonly name: string; readonly force?: boolean }, ChannelInfo]
  stats: [NoParams, BrokerStats]
  metrics: [NoParams, Readonly<Record<string, number>>]
  history: [HistoryQuery, HistoryAnswer]
  health: [NoParams, { readonly state: HealthState; readonly parts: readonly HealthPart[] }]
  latency: [LatencyQuery, { readonly delivery: Percentiles & { readonly count: number }; readonly eventLoop: Percentiles; readonly groups?: readonly LatencyGroup[] }]
  'trace.show': [TraceQuery, { readonly entries: readonly TraceEntry[]; readonly from: number; readonly to: number; readonly coversMs: number; readonly enabled: boolean }]
  'trace.enable': [NoParams, { readonly enabled: boolean }]
  'trace.disable': [NoParams, { readonly enabled: boolean }]
  /** What this broker alone may do, as long as it has the lease. */
  leases: [NoParams, { readonly leases: readonly LeaseInfo[] }]
  'agent.show': [{ readonly name: string }, AgentShown]
  agents: [NoParams, { readonly agents: readonly AgentInfo[] }]
  /** `rolling`: its instances one after the other, never with fewer that serve. */
  'agent.restart': [{ readonly name: string; readonly rolling?: boolean }, AgentInfo]
  'agent.scale': [{ readonly name: string; readonly instances: number }, AgentInstances]
  'agent.drain': [{ readonly name: string }, AgentInstances]
  'agent.upgrade': [{ readonly name: string; readonly command?: string; readonly args?: readonly string[]; readonly version?: string; readonly env?: Readonly<Record<string, string>> }, AgentInstances]
  'connection.kill': [{ readonly id: string }, { readonly killed: string | number | boolean }]
  stop: [NoParams, { readonly pid: number }]
  /** Over the Unix socket alone. `program`: what starts the next one, without the words of the command line; default as this one was started. */
  upgrade: [{ readonly program?: readonly string[] }, UpgradeAnswer]
}

export type ApiMethod = keyof ApiMethods
export type ApiParams<M extends ApiMethod> = ApiMethods[M][0]
export type ApiAnswer<M extends ApiMethod> = ApiMethods[M][1]
