// The public API of the package: a broker to embed, or to run by `callboard start`.

import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { resolve } from 'node:path'
import { BrokerActor } from './actors/broker.ts'
import { Inheritance } from './actors/upgrade/inheritance.ts'
import type { AgentInfo } from './broker/ground/api.ts'
import { Deadlines } from './broker/ground/deadlines.ts'
import { systemClock } from './broker/ground/clock.ts'
import { BrokerError } from './broker/ground/errors.ts'
import { hostLookup } from './broker/ground/host-lookup.ts'
import { homeFromEnvironment, prepareHome } from './broker/ground/home.ts'
import { defaultSettings, type Settings } from './broker/ground/settings.ts'
import type { ActorInfo, ExitReason, Log } from './broker/ground/types.ts'
import { openableAudit } from './telemetry/audit-log.ts'
import { LogFile } from './telemetry/log-file.ts'
import { openTelemetry } from './telemetry/telemetry.ts'

export { BrokerError, type ErrorBody, type ErrorCode } from './broker/ground/errors.ts'
export { defaultSettings, type Settings } from './broker/ground/settings.ts'
export type { AgentInfo } from './broker/ground/api.ts'
export type { ActorInfo, ExitReason, Log, Phase } from './broker/ground/types.ts'

export interface BrokerOptions {
  /** Directory for socket, token and logs; default `$CALLBOARD_HOME`, else `~/.callboard`. Made when missing. */
  readonly home?: string
  /** Default: `defaultSettings`. */
  readonly settings?: Settings
  /** Working directory of agents that name none; default the process's. */
  readonly configDirectory?: string
  /** File in which the settings stand: agents in sandboxes may not read it. Default: there is none. */
  readonly configFile?: string
  /** What starts a process like this one, and the words that follow: `callboard start` gives them, so that it can hand over to another process, or take over from one. Default: it does neither. */
  readonly succession?: { readonly program: readonly string[]; readonly words: readonly string[]; readonly isForeground: boolean }
  /** Default: a file in the home. */
  readonly log?: Log
}

export interface Broker {
  /** Absolute path. */
  readonly home: string
  readonly socketPath: string
  /** URL of the WebSocket gateway, such as `ws://127.0.0.1:18789/`; undefined when the broker runs without. */
  readonly gatewayAddress: string | undefined
  /** Why it runs without, though a gateway is configured: its port is taken, and nobody asked for that very port. */
  readonly gatewayProblem: string | undefined
  /** URL of the monitoring endpoints' own port, such as `http://127.0.0.1:8222/`; undefined when none is configured. */
  readonly monitorAddress: string | undefined
  /** URL of the NATS port, such as `nats://127.0.0.1:4222`; undefined when the broker runs without. */
  readonly natsAddress: string | undefined
  /** URL of the port of its own for NATS over WebSocket; on the gateway's port that is at `/nats`. */
  readonly natsWebSocketAddress: string | undefined
  /** Why it runs without, though a NATS port is configured: it is taken, and nobody asked for that very port. */
  readonly natsProblem: string | undefined
  /** URL of the gRPC port, such as `http://127.0.0.1:50051`, and path of the Unix socket where gRPC is spoken; undefined where none is configured. */
  readonly grpcAddress: string | undefined
  readonly grpcSocketPath: string | undefined
  readonly pid: number
  /** The supervision tree as it is now. */
  tree(): ActorInfo
  /** Every instance of the supervised agents, in the order of the configuration. */
  agents(): readonly AgentInfo[]
  /**
   * Takes over what can change while it runs: `principals`, of `nats` what no listener was made of, and TLS where there is some. Who
   * is not let in any more is ended; who may less loses the subscriptions that are denied now.
   * @throws BrokerError `config.invalid`: a file cannot be read or used; principals and limits stay as they were
   */
  reload(settings: Settings): void
  /**
   * Reads the certificates of the NATS port again; connections from now on get the new ones.
   * @throws BrokerError `config.invalid`: a file cannot be read or used; the old ones stay
   */
  reloadCertificates(): void
  /**
   * Ends in order: nobody new is let in, connections are told, agents end. Resolves when everything is released.
   * `lameDuckMs`: how long NATS clients have to go elsewhere; default `nats.lameDuck`. Called with 0 while they have it, it is over.
   */
  stop(options?: { readonly lameDuckMs?: number }): Promise<void>
  /** The process that has taken over, a child of this one; undefined: none has. */
  readonly successor: ChildProcess | undefined
  /** Nobody waits for that process here: it goes on when this one ends. */
  leaveSuccessor(): void
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<ExitReason>
}

/**
 * Starts a broker in this process; resolves when clients can connect and agents were started.
 * @throws BrokerError `broker.held` when another process has the home, `home.unusable`, `listener.failed`, `config.invalid`
 */
export async function createBroker(options: BrokerOptions = {}): Promise<Broker> {
  // Its own: some of it changes when it is loaded again.
  const inheritance = options.succession === undefined ? undefined : Inheritance.ofThisProcess()
  const settings = structuredClone(options.settings ?? defaultSettings)
  const paths = prepareHome(resolve(options.home ?? homeFromEnvironment()))
  const logFile = options.log === undefined ? new LogFile(paths.log, settings.log) : undefined
  const log = options.log ?? logFile!.log
  const version = packageVersion()
  const telemetry = await openTelemetry({ settings: settings.telemetry, version, clock: systemClock, log, lookup: hostLookup(settings.network.dns, systemClock) })
  if (logFile !== undefined) logFile.copyTo = telemetry?.line
  if (settings.telemetry.prometheus && !settings.gateway.enabled) log.warn({}, 'telemetry.prometheus is on, but /metrics stands on the gateway, which is off')
  const deadlines = new Deadlines(systemClock, { onError: (error) => log.error({ err: error }, 'a deadline failed') })
  const auditLog = openableAudit({ path: paths.audit, settings: settings.audit, deadlines, log })
  const actor = new BrokerActor({
    home: paths.home,
    settings,
    configDirectory: resolve(options.configDirectory ?? '.'),
    configFile: options.configFile === undefined ? undefined : resolve(options.configFile),
    version,
    log,
    telemetry,
    audit: auditLog.audit,
    succession: { inheritance, ...(options.succession ?? { words: [], isForeground: false }), suspendAudit: () => auditLog.suspend(), resumeAudit: () => auditLog.open() },
    // Not before: until then the logs may be another broker's.
    onHomeTaken() {
      logFile?.open()
      logFile?.watchSize(deadlines)
      auditLog.open()
    },
    // The next one that takes it continues the chain from what is there.
    onHomeLeft: () => auditLog.close(),
  })
  const exited = actor.exited.then(async (reason) => {
    log.info({ reason: reason.kind }, 'ended')
    deadlines.close()
    await telemetry?.close()
    await logFile?.close()
    return reason
  })
  try {
    await actor.start()
  } catch (error) {
    await exited
    inheritance?.failed(BrokerError.from(error))
    throw error
  }
  log.info({ pid: process.pid, home: paths.home, socket: actor.socket }, 'started')
  return {
    home: paths.home,
    socketPath: actor.socket,
    gatewayAddress: actor.gateway,
    gatewayProblem: actor.gatewayProblem,
    monitorAddress: actor.monitor,
    natsAddress: actor.nats,
    natsWebSocketAddress: actor.natsWebSocket,
    natsProblem: actor.natsProblem,
    grpcAddress: actor.grpc,
    grpcSocketPath: actor.grpcSocket,
    pid: process.pid,
    tree: () => actor.tree(),
    agents: () => actor.agents(),
    reload: (next) => actor.reload(next),
    reloadCertificates: () => actor.reloadCertificates(),
    async stop({ lameDuckMs } = {}) {
      actor.stop(undefined, lameDuckMs)
      await exited
    },
    get successor() {
      return actor.successor?.process
    },
    leaveSuccessor: () => actor.successor?.release(),
    exited,
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8')) as { version: string }).version
}
