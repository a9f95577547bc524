// The broker as an actor: takes the home, starts the tree, and gives everything back in reverse order.

import type { AgentChange } from '../agents/agent-change.ts'
import { prepareGround, type AgentGround } from '../agents/agent-ground.ts'
import { AgentUsers } from '../agents/agent-users.ts'
import { userPlace, userSocket } from '../agents/runtime-place.ts'
import { secretFiles } from '../agents/secret-files.ts'
import type { Connection } from '../broker/connection.ts'
import type { AgentLogLine } from '../broker/ground/agent-line.ts'
import type { AgentInfo, BusStatus, UpgradeAnswer } from '../broker/ground/api.ts'
import type { Audit } from '../broker/ground/audit.ts'
import { systemClock } from '../broker/ground/clock.ts'
import { Deadlines } from '../broker/ground/deadlines.ts'
import type { CrashReport } from '../broker/ground/crash.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { ensureToken, homePaths, prepareHome, type HomePaths } from '../broker/ground/home.ts'
import { nextIdentity, type HomeIdentity } from '../broker/ground/home-identity.ts'
import type { AgentSettings, Settings } from '../broker/ground/settings.ts'
import type { BrokerTelemetry } from '../broker/ground/telemetry.ts'
import type { ActorInfo, ChannelSpec, ExitReason, Log, Phase } from '../broker/ground/types.ts'
import type { BrokerHost } from '../broker/host.ts'
import { BrokerMetrics } from '../broker/metrics-source.ts'
import { Pipeline } from '../broker/pipeline.ts'
import { Service } from '../broker/service.ts'
import { tellStrayQueues } from '../broker/stray-queues.ts'
import { View } from '../broker/view.ts'
import { brokerMachine } from '../machines/broker.ts'
import { phaseOf } from '../machines/lifecycle.ts'
import { Actor, type SignalOf } from './actor.ts'
import type { ActorScope } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import type { CrashReports } from './crash-reports.ts'
import { createDialects } from './dialects.ts'
import { mostConnections } from './file-limit.ts'
import { ConfiguredPrincipals } from './configured-principals.ts'
import type { Fleet } from './fleet.ts'
import { claimIdentity } from './host-identity.ts'
import { Listeners } from './listeners.ts'
import { makeFleet } from './make-fleet.ts'
import { changeLimits } from './nats-limits.ts'
import { addOwner } from './principals.ts'
import type { Probing } from './probing.ts'
import { Tree } from './tree.ts'
import type { Successor } from './upgrade/successor.ts'
import { Succession, type SuccessionOptions } from './upgrade/succession.ts'
import type { JoinedBus } from './joined-bus.ts'

export interface BrokerActorOptions {
  readonly home: string
  readonly settings: Settings
  /** Where agents start that name no directory. */
  readonly configDirectory: string
  /** Where the settings stand; undefined: in no file. */
  readonly configFile: string | undefined
  readonly version: string
  readonly log: Log
  /** Told who did what. */
  readonly audit: Audit
  /** undefined: none is configured. */
  readonly telemetry?: BrokerTelemetry | undefined
  readonly succession: SuccessionOptions
  /** Called when no other broker has the home, before anything in it is changed. */
  readonly onHomeTaken: () => void
  /** Called when everything else is released; the home is given back when it resolves. */
  readonly onHomeLeft: () => Promise<void>
}

/** Time that a stop gives the store of queues to answer those who published, before they are told to go. ms */
const LAST_RECEIPTS_MS = 5000
/** Time that releasing the home and the log may take. ms */
const RELEASE_MS = 10_000

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
  readonly #listeners: Listeners
  readonly #users: AgentUsers
  readonly #succession: Succession
  #service: Service | undefined
  #ground: AgentGround | undefined
  #tree: Tree | undefined
  #probing: Probing | undefined
  #treeEnded: Promise<ExitReason> | undefined
  #fleet: Fleet | undefined
  #crashes: CrashReports | undefined
  #principals: ConfiguredPrincipals | undefined
  #reloaded: Settings | undefined
  #pipeline: Pipeline | undefined
  #lameDuckMs = 0
  #bus: JoinedBus | undefined
  #isStopping = false

  constructor(options: BrokerActorOptions) {
    const { log, settings } = options
    this.#options = options
    this.paths = homePaths(options.home)
    this.version = options.version
    this.home = this.paths.home
    this.socket = settings.ipc.socket ?? this.paths.socket
    this.#deadlines = new Deadlines(systemClock, { onError: (error) => log.error({ err: BrokerError.from(error) }, 'a deadline failed') })
    this.#users = new AgentUsers(settings.agents)
    this.#succession = new Succession(options.succession, { clock: systemClock, deadlines: this.#deadlines, log })
    this.#listeners = new Listeners({ settings, version: this.version, log, deadlines: this.#deadlines, telemetry: options.telemetry, socket: this.socket, grpcSocket: this.paths.grpcSocket, userSockets: new Map(this.#users.uids.map((uid) => [uid, userSocket(this.home, uid)])), sockets: this.#succession.sockets, isServing: () => this.phase === 'run' })
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
    return this.#listeners.address('gateway')
  }

  get gatewayProblem(): string | undefined {
    return this.#listeners.problem('gateway')
  }

  get nats(): string | undefined {
    return this.#listeners.address('nats')
  }

  /** URL of the monitoring endpoints' own port; undefined when none is open. */
  get monitor(): string | undefined {
    return this.#listeners.address('monitor')
  }

  get natsWebSocket(): string | undefined {
    return this.#listeners.address('nats-websocket')
  }

  get grpc(): string | undefined {
    return this.#listeners.address('grpc')
  }

  get grpcSocket(): string | undefined {
    return this.#listeners.address('grpc-unix')
  }

  get natsProblem(): string | undefined {
    return this.#listeners.problem('nats')
  }

  get bus(): BusStatus | undefined {
    return this.#bus?.status()
  }

  get phase(): Phase {
    return phaseOf(this.#actor.state)
  }

  /** Starts it; rejects with the reason when it does not come to run. Nothing is left behind then. */
  async start(): Promise<void> {
    const result = await this.#actor.start()
    if (result === 'ok' || result === 'ignore') return this.#succession.serving(this.#bus)
    throw result.kind === 'crash' ? result.error : new BrokerError('internal.error', { problem: `the broker ended while it started (${result.kind})` })
  }

  /**
   * Begins the orderly stop. `by`: the principal that asked for it; `lameDuckMs`: how long NATS clients have to go
   * elsewhere. Asked again with a time of 0 while they have it, it is over.
   */
  stop(by?: string, lameDuckMs = this.#options.settings.nats.lameDuckMs): void {
    const { underWay, successor } = this.#succession
    // Of two processes that stand between being the broker and not being it, the one that is it in the end stops.
    if (underWay !== undefined) return void underWay.then(() => this.stop(by, lameDuckMs))
    if (successor !== undefined) return void successor.process.kill('SIGTERM')
    if (!this.#isStopping) {
      this.#options.audit.record('broker.stopping', by ?? 'process')
      this.#lameDuckMs = lameDuckMs
    } else if (lameDuckMs === 0) this.#pipeline?.lameDuck.cutShort()
    this.#leave()
  }

  #leave(): void {
    this.#isStopping = true
    this.#actor.stop()
  }

  /**
   * Takes over what can change while the broker runs: principals, the limits of the NATS port, and its certificates.
   * @throws BrokerError `config.invalid`: a file cannot be read or used; nothing is changed then
   */
  reload(reloaded: Settings): void {
    const { settings } = this.#options
    const { nats, principals } = reloaded
    const changeCertificates = this.#listeners.prepareCertificates(nats)
    this.#principals?.replace(principals)
    changeCertificates()
    this.#reloaded = reloaded
    changeLimits(settings.nats, nats)
    this.#listeners.maxNatsConnections = nats.maxConnections
    this.#pipeline?.settingsChanged()
  }

  /** The process that has taken this one's place; undefined: none has. */
  get successor(): Successor | undefined {
    return this.#succession.successor
  }

  /** See Succession. @throws BrokerError `upgrade.*` */
  async upgrade(program: readonly string[] | undefined, asker: Connection | undefined): Promise<UpgradeAnswer> {
    if (this.phase !== 'run' || this.#isStopping) throw new BrokerError('upgrade.busy', { problem: 'the broker starts, or stops' })
    const answer = await this.#succession.upgrade({ pipeline: this.#pipeline!, service: this.#service!, register: this.#ground!.register, fleet: this.#fleet!, bus: this.#bus }, program, asker)
    // The answer leaves first.
    setImmediate(() => this.#leave())
    return answer
  }

  /** @throws BrokerError `config.invalid`: the old ones stay */
  reloadCertificates(): void {
    this.#listeners.prepareCertificates()()
  }

  tree(): ActorInfo {
    return { ...this.#actor.info(), children: this.#tree === undefined ? [] : [this.#tree.info()] }
  }

  startChannel(spec: ChannelSpec): Promise<void> {
    return this.#tree!.startChannel(spec)
  }

  stopChannel(name: string, isForced: boolean): Promise<void> {
    return this.#tree!.stopChannel(name, isForced)
  }

  agents(): AgentInfo[] {
    return this.#fleet?.agents() ?? []
  }

  agent(name: string): { readonly settings: AgentSettings; readonly instances: readonly AgentInfo[] } {
    return this.#fleet!.agent(name)
  }

  agentLines(name: string, limit: number, after: number): AgentLogLine[] {
    return this.#fleet!.lines(name, limit, after)
  }

  async agentCrashes(name: string): Promise<CrashReport[]> {
    // Those of an agent that is not configured any more are still there, and those of an instance that was scaled away.
    const reports = await this.#crashes!.of(name)
    if (reports.length === 0) this.#fleet!.checkName(name)
    return reports
  }

  restartAgent(name: string, isRolling: boolean): Promise<AgentInfo> {
    return this.#fleet!.restartAgent(name, isRolling)
  }

  scaleAgent(name: string, instances: number): Promise<AgentInfo[]> {
    return this.#fleet!.scaleAgent(name, instances)
  }

  drainAgent(name: string): Promise<AgentInfo[]> {
    return this.#fleet!.drainAgent(name)
  }

  upgradeAgent(name: string, change: AgentChange): Promise<AgentInfo[]> {
    return this.#fleet!.upgradeAgent(name, change)
  }

  async #init(scope: Scope): Promise<void> {
    const { settings, log } = this.#options
    const paths = prepareHome(this.home)
    const lock = await this.#succession.takeHome(paths, this.socket, this.version, settings)
    scope.defer(() => lock.release())
    const identity = nextIdentity(paths)
    const claim = await claimIdentity(identity.broker, paths.home, log)
    scope.defer(() => claim.release())
    this.#options.onHomeTaken()
    scope.defer(() => this.#leaveHome())
    const token = ensureToken(paths)
    const ground = await prepareGround({ home: paths.home, agents: settings.agents, users: this.#users, holders: this.#succession, clock: systemClock, deadlines: this.#deadlines, log, defer: (release) => scope.defer(release) })
    this.#ground = ground
    const pipeline = this.#makePipeline(identity)
    this.#pipeline = pipeline
    this.#succession.continueNumbers(pipeline.core)
    scope.defer(() => pipeline.close())
    this.#options.audit.record('broker.started', 'process', { pid: process.pid, version: this.version, incarnation: pipeline.core.incarnation })
    addOwner(pipeline.core, token)
    this.#principals = new ConfiguredPrincipals(pipeline, settings.principals)
    await this.#startTree(scope, pipeline, ground)
  }

  #leaveHome(): Promise<void> {
    if (!this.#isStopping) this.#options.audit.record('broker.stopping', 'process', { failed: true })
    return this.#options.onHomeLeft()
  }

  #makePipeline(identity: HomeIdentity): Pipeline {
    const { settings, log, telemetry } = this.#options
    const pipeline: Pipeline = new Pipeline(
      {
        settings,
        clock: systemClock,
        log,
        audit: this.#options.audit,
        ...identity,
        dialects: createDialects(() => pipeline.core, this.version, () => this.nats),
        isOwnAgent: (pid) => this.#fleet?.owns(pid) ?? false,
        userOf: (principal) => this.#users.uidOf(principal),
        maxConnections: mostConnections(settings.ipc.maxConnections),
        tracer: telemetry?.tracer,
        onConnectionEvent: (connection: Connection, event) => {
          if (event === 'closed') metrics.departed(connection)
          this.#crashes?.connectionEvent(connection, event)
          this.#tree?.connectionEvent(connection, event)
          if (event === 'authenticated' && connection.isInstanceLink) this.#probing?.attached(connection.instance!)
          this.#bus?.connectionEvent(connection, event)
        },
      },
      (made) => (this.#service = new Service(made.core, new View(made, this))),
    )
    const metrics = new BrokerMetrics(pipeline, this)
    telemetry?.observe(metrics)
    return pipeline
  }

  async #startTree(scope: Scope, pipeline: Pipeline, ground: AgentGround): Promise<void> {
    const { settings, log, configDirectory, configFile, telemetry } = this.#options
    const environment = { clock: systemClock, deadlines: this.#deadlines, log }
    const context = { home: this.home, socket: this.socket, directory: configDirectory, environment: telemetry?.agentEnvironment ?? {}, secrets: () => [settings, this.#reloaded].flatMap((known) => (known === undefined ? [] : secretFiles(known, configFile))).concat(userPlace(this.home)) }
    const { fleet, crashes, probing } = makeFleet({ settings, pipeline, paths: this.paths, context, ground, environment, issueCredential: (id) => this.#succession.issueCredential(pipeline.core, id) })
    this.#crashes = crashes
    this.#probing = probing
    scope.defer(() => crashes.close())
    this.#fleet = fleet
    const tree = new Tree({
      settings,
      paths: this.paths,
      environment,
      pipeline,
      fleet,
      upstream: await this.#joinBus(pipeline),
      share: this.#bus?.share,
      listeners: this.#succession.afterArrival(this.#listeners.openers(pipeline.core, scope), pipeline),
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
    void tellStrayQueues(pipeline.core)
  }

  async #joinBus(pipeline: Pipeline): Promise<ChildSpec | undefined> {
    const { settings, log, version } = this.#options
    if (settings.bus.nats === undefined) return undefined
    const { joinBus } = await import('./joined-bus.ts')
    this.#bus = await joinBus(settings.bus.nats, pipeline, version, () => this.#tree!.sharing, { clock: systemClock, deadlines: this.#deadlines, log }, this.#succession.movedBus)
    return this.#bus.child
  }

  async #drain(): Promise<void> {
    const left = this.#pipeline?.lameDuck.begin(this.#lameDuckMs)
    if (this.#lameDuckMs > 0) await this.#tree?.closeListeners((name) => name.startsWith('nats'))
    await left
    // At once: an agent does not wait for servers that may be away.
    await Promise.all([this.#succession.passedOn(), this.successor === undefined ? this.#pipeline?.lastReceipts(LAST_RECEIPTS_MS) : this.#succession.relieved(this.#fleet)])
    await this.#stopTree()
  }

  async #stopTree(): Promise<void> {
    this.#tree?.root.stop()
    await this.#treeEnded
  }
}
