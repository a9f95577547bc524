// The broker as an actor: takes the home, starts the tree, and gives everything back in reverse order.

import { join } from 'node:path'
import { AgentRegister } from '../agents/agent-register.ts'
import { endLeftovers } from '../agents/leftovers.ts'
import { LocalAgent } from '../agents/local-agent.ts'
import type { Connection } from '../broker/connection.ts'
import type { AgentInfo } from '../broker/ground/api.ts'
import type { Audit } from '../broker/ground/audit.ts'
import { systemClock } from '../broker/ground/clock.ts'
import { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { ensureToken, homePaths, prepareHome, type HomePaths } from '../broker/ground/home.ts'
import { nextIdentity } from '../broker/ground/home-identity.ts'
import { lockHome } from '../broker/ground/home-lock.ts'
import type { Settings } from '../broker/ground/settings.ts'
import type { BrokerTelemetry } from '../broker/ground/telemetry.ts'
import type { ActorInfo, ChannelSpec, ExitReason, Link, Listener, Log, Phase } from '../broker/ground/types.ts'
import type { BrokerHost } from '../broker/host.ts'
import { BrokerMetrics } from '../broker/metrics-source.ts'
import { Monitor, type MonitorEndpoints } from '../broker/monitor.ts'
import { NATS_VERSION } from '../broker/ground/nats-version.ts'
import { Pipeline } from '../broker/pipeline.ts'
import { Service } from '../broker/service.ts'
import { View } from '../broker/view.ts'
import { SocketLimits } from '../http/socket-limits.ts'
import { brokerMachine } from '../machines/broker.ts'
import { phaseOf } from '../machines/lifecycle.ts'
import { openPeerCredentials } from '../native/peer-credentials.ts'
import { listenUnix } from '../transports/unix/unix-listener.ts'
import { Actor, type SignalOf } from './actor.ts'
import type { ActorScope } from './behaviour.ts'
import { createDialects } from './dialects.ts'
import { mostConnections } from './file-limit.ts'
import { NatsDoor } from './nats-door.ts'
import { openNatsPort, type NatsPort } from './nats-port.ts'
import { changeLimits } from './nats-limits.ts'
import { ConfiguredPrincipals } from './configured-principals.ts'
import { addOwner, issueAgentCredential } from './principals.ts'
import type { Monitoring } from './monitoring.ts'
import { Tree } from './tree.ts'

export interface BrokerActorOptions {
  readonly home: string
  readonly settings: Settings
  /** Where agents start that name no directory. */
  readonly configDirectory: string
  readonly version: string
  readonly log: Log
  /** Told who did what. */
  readonly audit: Audit
  /** undefined: none is configured. */
  readonly telemetry?: BrokerTelemetry | undefined
  /** Called when no other broker has the home, before anything in it is changed. */
  readonly onHomeTaken: () => void
  /** Called when everything else is released; the home is given back when it resolves. */
  readonly onHomeLeft: () => Promise<void>
}

/** Time that agents of a killed broker have between SIGTERM and SIGKILL. ms */
const LEFTOVER_GRACE_MS = 2000
/** Time that releasing the home and the log may take. ms */
const RELEASE_MS = 10_000

type OnLink = (link: Link) => void
type Scope = ActorScope<SignalOf<typeof brokerMachine>>

export class BrokerActor implements BrokerHost {
  readonly version: string
  readonly home: string
  readonly socket: string
  readonly paths: HomePaths
  readonly #options: BrokerActorOptions
  readonly #deadlines: Deadlines
  readonly #actor: Actor<typeof brokerMachine>
  readonly #exited = Promise.withResolvers<ExitReason>()
  readonly #natsDoor: NatsDoor
  #tree: Tree | undefined
  #treeEnded: Promise<ExitReason> | undefined
  #agents: readonly LocalAgent[] = []
  #gateway: string | undefined
  #gatewayProblem: string | undefined
  #monitor: string | undefined
  #monitored: Monitoring | undefined
  #natsPort: NatsPort | undefined
  #natsProblem: string | undefined
  #principals: ConfiguredPrincipals | undefined
  #pipeline: Pipeline | undefined
  #lameDuckMs = 0
  #isStopping = false

  constructor(options: BrokerActorOptions) {
    const { log, settings } = options
    this.#options = options
    this.paths = homePaths(options.home)
    this.version = options.version
    this.home = this.paths.home
    this.socket = settings.ipc.socket ?? this.paths.socket
    this.#natsDoor = new NatsDoor(new SocketLimits(settings.gateway), settings.nats.maxConnections)
    this.#deadlines = new Deadlines(systemClock, { onError: (error) => log.error({ err: BrokerError.from(error) }, 'a deadline failed') })
    this.#actor = new Actor({
      id: 'broker',
      kind: 'broker',
      machine: brokerMachine,
      environment: { clock: systemClock, deadlines: this.#deadlines, log },
      releaseMs: RELEASE_MS,
      behaviour: {
        init: (scope) => this.#init(scope),
        drain: () => this.#drain(),
        kill: () => this.#tree?.root.kill(),
        detail: () => `${this.version}, pid ${process.pid}`,
      },
    })
    this.#actor.onExit = (reason) => {
      // The timer of a deadline that was cancelled would keep the process for up to RELEASE_MS.
      this.#deadlines.close()
      this.#exited.resolve(reason)
    }
  }

  /** Resolves when everything is released. */
  get exited(): Promise<ExitReason> {
    return this.#exited.promise
  }

  get gateway(): string | undefined {
    return this.#gateway
  }

  get gatewayProblem(): string | undefined {
    return this.#gatewayProblem
  }

  get nats(): string | undefined {
    return this.#natsPort?.address
  }

  /** URL of the monitoring endpoints' own port; undefined when none is open. */
  get monitor(): string | undefined {
    return this.#monitor
  }

  get natsProblem(): string | undefined {
    return this.#natsProblem
  }

  get phase(): Phase {
    return phaseOf(this.#actor.state)
  }

  /** Starts it; rejects with the reason when it does not come to run. Nothing is left behind then. */
  async start(): Promise<void> {
    const result = await this.#actor.start()
    if (result === 'ok' || result === 'ignore') return
    throw result.kind === 'crash' ? result.error : new BrokerError('internal.error', { problem: `the broker ended while it started (${result.kind})` })
  }

  /**
   * Begins the orderly stop. `by`: the principal that asked for it; `lameDuckMs`: how long NATS clients have to go
   * elsewhere. Asked again with a time of 0 while they have it, it is over.
   */
  stop(by?: string, lameDuckMs = this.#options.settings.nats.lameDuckMs): void {
    if (!this.#isStopping) {
      this.#options.audit.record('broker.stopping', by ?? 'process')
      this.#lameDuckMs = lameDuckMs
    } else if (lameDuckMs === 0) this.#pipeline?.lameDuck.cutShort()
    this.#isStopping = true
    this.#actor.stop()
  }

  /**
   * Takes over what can change while the broker runs: principals, the limits of the NATS port, and its certificates.
   * @throws BrokerError `config.invalid`: a file cannot be read or used; nothing is changed then but certificates
   */
  reload({ nats, principals }: Settings): void {
    const { settings } = this.#options
    this.reloadCertificates()
    this.#principals?.replace(principals)
    changeLimits(settings.nats, nats)
    this.#natsDoor.maxConnections = nats.maxConnections
    this.#pipeline?.notices.tellAll()
  }

  /** @throws BrokerError `config.invalid`: the old ones stay */
  reloadCertificates(): void {
    this.#natsPort?.reloadCertificates()
  }

  tree(): ActorInfo {
    return { ...this.#actor.info(), children: this.#tree === undefined ? [] : [this.#tree.info()] }
  }

  startChannel(spec: ChannelSpec): Promise<void> {
    return this.#tree!.startChannel(spec)
  }

  stopChannel(name: string): Promise<void> {
    return this.#tree!.stopChannel(name)
  }

  agents(): AgentInfo[] {
    return this.#tree?.agents() ?? []
  }

  restartAgent(name: string): Promise<AgentInfo> {
    return this.#tree!.restartAgent(name)
  }

  async #init(scope: Scope): Promise<void> {
    const { settings, log } = this.#options
    const paths = prepareHome(this.home)
    const lock = await lockHome(paths, this.socket)
    scope.defer(() => lock.release())
    this.#options.onHomeTaken()
    scope.defer(() => this.#leaveHome())
    const token = ensureToken(paths)
    const register = new AgentRegister(join(paths.home, 'agents.json'))
    const leftovers = await endLeftovers({ register, home: paths.home, graceMs: LEFTOVER_GRACE_MS, deadlines: this.#deadlines, log })
    if (leftovers > 0) log.warn({ leftovers }, 'the broker before this one did not end in order')
    const pipeline = this.#makePipeline(paths)
    this.#pipeline = pipeline
    scope.defer(() => pipeline.close())
    this.#options.audit.record('broker.started', 'process', { pid: process.pid, version: this.version, incarnation: pipeline.core.incarnation })
    addOwner(pipeline.core, token)
    this.#principals = new ConfiguredPrincipals(pipeline, settings.principals)
    await this.#startTree(scope, pipeline, register)
  }

  #leaveHome(): Promise<void> {
    if (!this.#isStopping) this.#options.audit.record('broker.stopping', 'process', { failed: true })
    return this.#options.onHomeLeft()
  }

  #makePipeline(paths: HomePaths): Pipeline {
    const { settings, log, telemetry } = this.#options
    const pipeline: Pipeline = new Pipeline(
      {
        settings,
        clock: systemClock,
        log,
        audit: this.#options.audit,
        ...nextIdentity(paths),
        dialects: createDialects(() => pipeline.core, this.version, () => this.nats),
        isOwnAgent: (pid) => this.#isOwnAgent(pid),
        maxConnections: mostConnections(settings.ipc.maxConnections),
        tracer: telemetry?.tracer,
        onConnectionEvent: (connection: Connection, event) => {
          if (event === 'closed') metrics.departed(connection)
          this.#tree?.connectionEvent(connection, event)
        },
      },
      (made) => new Service(made.core, new View(made, this)),
    )
    const metrics = new BrokerMetrics(pipeline, this)
    telemetry?.observe(metrics)
    return pipeline
  }

  async #startTree(scope: Scope, pipeline: Pipeline, register: AgentRegister): Promise<void> {
    const { settings, log, configDirectory, telemetry } = this.#options
    const deadlines = this.#deadlines
    const context = { home: this.home, socket: this.socket, directory: configDirectory, environment: telemetry?.agentEnvironment ?? {} }
    this.#agents = settings.agents.map((agent) => new LocalAgent({ settings: agent, context, register, clock: systemClock, deadlines, issueCredential: (name) => issueAgentCredential(pipeline.core, name) }))
    const peerOf = openPeerCredentials(log)
    const tree = new Tree({
      settings,
      paths: this.paths,
      environment: { clock: systemClock, deadlines, log },
      pipeline,
      agents: this.#agents,
      listeners: {
        ...(settings.ipc.enabled ? { unix: (onLink: OnLink) => listenUnix({ path: this.socket, peerOf, log, onLink }) } : {}),
        ...(settings.nats.enabled ? { nats: (onLink: OnLink) => this.#openNats(pipeline, onLink) } : {}),
        ...(settings.nats.monitor === undefined ? {} : { monitor: () => this.#openMonitor(pipeline, settings.nats.monitor!) }),
        ...(settings.gateway.enabled ? { gateway: (onLink: OnLink) => this.#openGateway(pipeline, onLink) } : {}),
      },
    })
    this.#tree = tree
    scope.defer(() => this.#stopTree())
    const ended = Promise.withResolvers<ExitReason>()
    this.#treeEnded = ended.promise
    tree.root.onExit = (reason) => {
      ended.resolve(reason)
      // Unless it was asked to stop, the tree ending is the broker failing.
      if (reason.kind === 'crash') scope.fail(reason.error)
    }
    const result = await tree.root.start()
    if (result !== 'ok' && result !== 'ignore') throw result.kind === 'crash' ? result.error : new BrokerError('internal.error', { problem: `the tree ended while it started (${result.kind})` })
  }

  async #openGateway(pipeline: Pipeline, onLink: OnLink): Promise<Listener | undefined> {
    // Not a static import: HTTP and `ws` take 20 ms to load, which a broker without gateway need not spend.
    const { openGateway } = await import('./gateway.ts')
    const { settings, log, version, telemetry } = this.#options
    const gateway = await openGateway({ settings, log, version, deadlines: this.#deadlines, scrape: telemetry?.scrape, isToken: (principal, token) => pipeline.core.authenticator.isToken(principal, token), monitoring: await this.#monitoring(pipeline), deflate: (bytes) => pipeline.core.pool.deflate(bytes), onLink, onRefused: (address, code) => pipeline.core.trail.refused(address, code), onMissing: (problem) => (this.#gatewayProblem = problem) })
    this.#gateway = gateway?.address
    return gateway && { address: gateway.address, close: () => this.#closeGateway(gateway) }
  }

  #closeGateway(gateway: Listener): Promise<void> {
    this.#gateway = undefined
    return gateway.close()
  }

  async #openMonitor(pipeline: Pipeline, address: NonNullable<Settings['nats']['monitor']>): Promise<Listener> {
    const port = await (await this.#monitoring(pipeline)).open(address)
    this.#monitor = port.address
    return { address: port.address, close: () => this.#closeMonitor(port) }
  }

  #closeMonitor(port: Listener): Promise<void> {
    this.#monitor = undefined
    return port.close()
  }

  // Made when the first listener wants it: it loads HTTP.
  async #monitoring(pipeline: Pipeline): Promise<Monitoring> {
    const { Monitoring } = await import('./monitoring.ts')
    const { settings, log, version } = this.#options
    const { core } = pipeline
    const identity = { id: core.broker, name: settings.nats.serverName ?? `callboard-${core.broker}`, version: NATS_VERSION, callboard: version }
    const endpoints = (): MonitorEndpoints => ({ nats: this.#natsPort?.address, webSocket: this.#gateway, http: this.#monitor ?? this.#gateway })
    return (this.#monitored ??= new Monitoring({ settings, log, monitor: new Monitor({ core, maxConnections: mostConnections(settings.ipc.maxConnections), identity, endpoints }), health: () => this.phase === 'run', isAdminToken: (principal, token) => core.authenticator.isToken(principal, token, 'admin') }))
  }

  async #openNats(pipeline: Pipeline, onLink: OnLink): Promise<Listener | undefined> {
    const { settings, log } = this.#options
    const port = await openNatsPort({ settings, log, deadlines: this.#deadlines, door: this.#natsDoor, onLink, onRefused: (address, code) => pipeline.core.trail.refused(address, code), onMissing: (problem) => (this.#natsProblem = problem) })
    this.#natsPort = port
    return port && { address: port.address, close: () => this.#closeNats(port) }
  }

  #closeNats(port: Listener): Promise<void> {
    this.#natsPort = undefined
    return port.close()
  }

  async #drain(): Promise<void> {
    const left = this.#pipeline?.lameDuck.begin(this.#lameDuckMs)
    if (this.#lameDuckMs > 0) await this.#tree?.closeListeners((name) => name.startsWith('nats'))
    await left
    await this.#stopTree()
  }

  async #stopTree(): Promise<void> {
    this.#tree?.root.stop()
    await this.#treeEnded
  }

  #isOwnAgent(pid: number): boolean {
    return this.#agents.some((agent) => agent.owns(pid))
  }
}
