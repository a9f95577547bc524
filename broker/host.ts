// What the broker's methods ask of whoever runs it: the supervision tree, agents, channels as actors, stopping.

import type { Connection } from './connection.ts'
import type { AgentLogLine } from './ground/agent-line.ts'
import type { AgentInfo, ApiParams, BusStatus, UpgradeAnswer } from './ground/api.ts'
import type { CrashReport } from './ground/crash.ts'
import type { AgentSettings } from './ground/settings.ts'
import type { ActorInfo, ChannelSpec, Phase } from './ground/types.ts'

export interface BrokerHost {
  readonly version: string
  readonly home: string
  /** Path of the socket; empty when none is open. */
  readonly socket: string
  /** URL of the WebSocket gateway; undefined when none is open. */
  readonly gateway: string | undefined
  /** Why none is open, though one is configured. */
  readonly gatewayProblem: string | undefined
  /** URL of the NATS port; undefined when none is open. */
  readonly nats: string | undefined
  /** Why none is open, though one is configured. */
  readonly natsProblem: string | undefined
  /** Where gRPC is spoken: URL of the port, and path of the Unix socket; undefined where it is not. */
  readonly grpc: string | undefined
  readonly grpcSocket: string | undefined
  /** undefined: no servers are joined. */
  readonly bus: BusStatus | undefined
  readonly phase: Phase
  tree(): ActorInfo
  /** Starts the channel's actor, which makes it reachable, and remembers it over restarts. */
  startChannel(spec: ChannelSpec): Promise<void>
  /** Of mode `queue`: deletes all that it holds. @throws BrokerError `queue.not_empty` unless it is forced */
  stopChannel(name: string, isForced: boolean): Promise<void>
  agents(): AgentInfo[]
  /** What the configuration says of an agent, with what an operator changed since, and its instances, or the one that is meant. @throws BrokerError `agent.unknown` */
  agent(name: string): { readonly settings: AgentSettings; readonly instances: readonly AgentInfo[] }
  /** What an agent, or an instance of it, printed last: at most `limit` lines after position `after`, oldest first. @throws BrokerError `agent.unknown` */
  agentLines(name: string, limit: number, after: number): AgentLogLine[]
  /** How incarnations of it ended that did so unasked or badly, the newest first. @throws BrokerError `agent.unknown` */
  agentCrashes(name: string): Promise<CrashReport[]>
  /** A planned restart; resolves when the agent runs again. @throws BrokerError `agent.*` */
  restartAgent(name: string, isRolling: boolean): Promise<AgentInfo>
  /** @throws BrokerError `agent.*`, `home.unusable` */
  scaleAgent(name: string, instances: number): Promise<AgentInfo[]>
  /** @throws BrokerError `agent.*` */
  drainAgent(name: string): Promise<AgentInfo[]>
  /** @throws BrokerError `agent.*`, `home.unusable` */
  upgradeAgent(name: string, change: Omit<ApiParams<'agent.upgrade'>, 'name'>): Promise<AgentInfo[]>
  /** Begins the orderly stop. `by`: who asked for it, a principal; undefined: this process, by a signal for example. */
  stop(by?: string): void
  /** Goes on in another process. `asker` waits for the answer here. @throws BrokerError `upgrade.*`; it goes on in this one then */
  upgrade(program: readonly string[] | undefined, asker: Connection | undefined): Promise<UpgradeAnswer>
}
