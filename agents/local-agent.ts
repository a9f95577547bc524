// A local agent from the config, through all its incarnations: what its actor does, and what is known of it. Restarts nothing.

import type { Clock } from '../broker/ground/clock.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { noSandbox, type SandboxReport } from '../broker/ground/sandbox.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { ofVersion } from './agent-change.ts'
import { AgentProcess, limitText, type AgentExit } from './agent-process.ts'
import type { AgentRegister } from './agent-register.ts'
import type { AgentUsers } from './agent-users.ts'
import { launchOf, type Launch, type LaunchContext } from './launch.ts'
import { instanceId } from './instance-id.ts'
import { LastLines } from './last-lines.ts'
import type { AgentEnding } from './crashes/crash-report.ts'
import { groupOf } from './process-group.ts'
import { secretFolder, userSecretFolder, userSocket } from './runtime-place.ts'
import type { Cgroup } from './sandbox/cgroup.ts'
import type { Cgroups } from './sandbox/cgroups.ts'
import { chooseEnclosure } from './sandbox/enclosure.ts'
import { planOf, type SandboxPlan } from './sandbox/plan.ts'
import { copySecrets, type SecretCopies } from './secret-copies.ts'
import type { UnixUser } from './unix-user.ts'

/** What lets one incarnation of an agent in. */
export interface AgentCredential {
  readonly token: string
  /** From now on nobody gets in with it. */
  revoke(): void
}

/** Told of each process of an agent. */
export interface AgentWatcher {
  began(started: { readonly id: string; readonly settings: AgentSettings; readonly incarnation: number; readonly pid: number }): void
  /** Its process ended, or could not be started. */
  ended(ending: AgentEnding): void
}

export interface LocalAgentOptions {
  readonly settings: AgentSettings
  /** Which of the agent's instances. default 1 */
  readonly instance?: number
  /** Where the agent finds the broker, and where it starts when its config names no directory. */
  readonly context: Omit<LaunchContext, 'token' | 'instance'>
  /** Where control groups are made. Default: nowhere. */
  readonly cgroups?: Cgroups | undefined
  /** As whom agents run. Default: all as the broker. */
  readonly users?: AgentUsers
  issueCredential(instanceId: string): AgentCredential
  /** Asked before each start: settles when what it depends on is there, or is waited for no longer. undefined: it may start at once. */
  readonly ready?: (() => Promise<void> | undefined) | undefined
  readonly register: AgentRegister
  /** Default: nobody watches. */
  readonly watcher?: AgentWatcher
  /** Told of each process that has started, before anything else can happen to it; `exited` resolves when it is gone. */
  readonly onStarted?: (agent: LocalAgent, scope: AgentScope, exited: Promise<unknown>) => void
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** What of an actor's scope an agent needs. */
export interface AgentScope {
  readonly log: Log
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal
  defer(release: () => void | Promise<void>): void
  fail(error: unknown): void
  finish(): void
}

// What GroupEnding and AgentProcess may take beyond the time that the agent is given, 2 s each, with a margin for a broker that has much
// else to do: they say which process is left, and until then the next incarnation must not start beside it.
const AFTER_KILL_MS = 6000

export class LocalAgent {
  /** Which of the agent's instances, 1 and more. */
  readonly instance: number
  /** What it is called: weather, weather/2. */
  readonly id: string
  /** How long the actor's releases may take: the agent's own time, and that of killing it. ms */
  readonly releaseMs: number
  /** The same when it is killed. ms */
  readonly killMs = AFTER_KILL_MS
  /** Which one of its supervisor's makes this is; set by who makes it. */
  incarnation = 0
  /** What it printed last, in this process and those before. */
  readonly recent: LastLines
  readonly #options: LocalAgentOptions
  #settings: AgentSettings
  #process: AgentProcess | undefined
  /** When the last start began. ms since the epoch */
  #begunMs = 0
  /** What it was started with, which `use` may have changed since. */
  #begunWith: AgentSettings
  /** The one that was asked to end. */
  #asked: AgentProcess | undefined
  #startedMs = 0
  #isWaiting = false
  #lastExit: AgentExit | undefined
  #startError: BrokerError | undefined
  /** How the process that runs was started. */
  #launch: { readonly launch: Launch; readonly masks: SecretCopies['masks'] | undefined; readonly cgroup: Cgroup | undefined } | undefined

  constructor(options: LocalAgentOptions) {
    this.#settings = options.settings
    this.#begunWith = ofVersion(options.settings)
    this.instance = options.instance ?? 1
    this.id = instanceId(options.settings.name, this.instance)
    this.recent = new LastLines(this.id, () => options.clock.wallMicros())
    this.releaseMs = options.settings.shutdownMs + AFTER_KILL_MS
    this.#options = options
  }

  /** Those of its next process. */
  get settings(): AgentSettings {
    return this.#settings
  }

  /** What its program is changes with its next process; how it is restarted and ended stays. */
  use({ command, args, version, env }: AgentSettings): void {
    this.#settings = { ...this.#settings, command, args, version, env }
  }

  /** undefined while no process runs. */
  get pid(): number | undefined {
    return this.#process?.programPid
  }

  /** How long its process has run; 0 while none does. ms */
  get ranMs(): number {
    return this.#process === undefined ? 0 : this.#options.clock.monotonicMs() - this.#startedMs
  }

  /** What its sandbox came to; undefined when it has none, and while no process runs. */
  get sandbox(): SandboxReport | undefined {
    return this.#process?.sandbox
  }

  /** It is to run, and has no process yet: what it depends on is not there. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** How the process before this one ended; undefined for the first. */
  get lastExit(): AgentExit | undefined {
    return this.#lastExit
  }

  /** Why the last attempt to start a process failed; undefined when it did not. */
  get startError(): BrokerError | undefined {
    return this.#startError
  }

  /** True for the agent's process and those that it started and that stayed in its group. */
  owns(pid: number): boolean {
    return this.#process !== undefined && (pid === this.#process.pid || groupOf(pid) === this.#process.pid)
  }

  /** Starts a process with a credential of its own; both end with the scope, as does an agent that cannot be started. */
  async init(scope: AgentScope): Promise<void> {
    const ready = this.#options.ready?.()
    if (ready === undefined) return this.#begin(scope)
    // Beside its supervisor, which has others to start; its end waits for what is under way here.
    this.#isWaiting = true
    const begun = this.#beginWhen(ready, scope)
    scope.defer(() => begun)
  }

  async #beginWhen(ready: Promise<void>, scope: AgentScope): Promise<void> {
    const { signal } = scope
    try {
      await Promise.race([ready, new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))])
      this.#isWaiting = false
      if (!signal.aborted) await this.#begin(scope)
    } catch (error) {
      scope.fail(error)
    } finally {
      this.#isWaiting = false
    }
  }

  async #begin(scope: AgentScope): Promise<void> {
    const { context, register, users, clock, deadlines } = this.#options
    const settings = ofVersion(this.#settings)
    this.#begunWith = settings
    const credential = this.#options.issueCredential(this.id)
    scope.defer(() => credential.revoke())
    const start = async (): Promise<AgentProcess> => {
      this.recent.begin()
      this.#begunMs = clock.wallMs()
      const user = users?.of(settings.name)
      const copies = this.#copySecrets(scope, user)
      const socket = user === undefined ? context.socket : userSocket(context.home, user.uid)
      const launch = launchOf(settings, { ...context, socket, token: credential.token, instance: this.instance, copies, user })
      const cgroup = this.#makeCgroup(scope)
      this.#launch = { launch, masks: copies?.masks, cgroup }
      return AgentProcess.start({ name: this.id, launch, sandbox: await this.#plan(launch, cgroup), cgroup, masks: copies?.masks, recent: this.recent, logLevel: settings.logLevel, shutdownMs: settings.shutdownMs, clock, deadlines, log: scope.log })
    }
    const agent = await start().catch((error: unknown) => {
      this.#startError = BrokerError.from(error)
      this.#tellEnd(undefined, undefined, false)
      // A crash once it runs, not a failed init: that would end the supervisor's start, and with it the other agents.
      setImmediate(() => scope.fail(error))
    })
    if (agent === undefined) return
    // Not before: whoever looks between two attempts wants the reason.
    this.#startError = undefined
    this.#process = agent
    this.#startedMs = clock.monotonicMs()
    scope.defer(() => this.#end(agent))
    void this.#watch(agent, scope)
    register.add(this.id, agent.pid)
    this.#options.watcher?.began({ id: this.id, settings, incarnation: this.incarnation, pid: agent.programPid })
    scope.log.info({ pid: agent.programPid, command: settings.command, ...(agent.sandbox && { sandbox: agent.sandbox }) }, 'started')
    if (agent.sandbox !== undefined && agent.sandbox.missing.length > 0) scope.log.warn({ ...agent.sandbox }, 'the agent runs with less of a sandbox than was asked for')
    this.#options.onStarted?.(this, scope, agent.exited)
  }

  /**
   * Starts a program beside the agent's process, in its directory and in a sandbox as it has one, with its variables but for the
   * token. Its output goes to the log. `signal` ends what is on the way to it; once it runs, `kill()` does.
   * @throws BrokerError `agent.failed`, `sandbox.unavailable`
   */
  async run([command, ...args]: readonly string[], log: Log, signal?: AbortSignal): Promise<AgentProcess> {
    const started = this.#launch
    if (started === undefined || command === undefined) throw new BrokerError('agent.failed', { agent: this.id, problem: 'does not run' })
    const { CALLBOARD_TOKEN: _, ...environment } = started.launch.environment
    const launch: Launch = { ...started.launch, command: command === 'node' ? process.execPath : command, args, environment }
    const { clock, deadlines, register } = this.#options
    const program = await AgentProcess.start({ name: this.id, launch, sandbox: await this.#plan(launch, started.cgroup), cgroup: started.cgroup, masks: started.masks, logLevel: this.settings.logLevel, shutdownMs: 0, clock, deadlines, log: log.child({ probe: 'command' }), signal })
    // So that it does not outlive a broker that is killed.
    register.add(this.id, program.pid)
    void program.exited.then(() => register.remove(program.pid))
    return program
  }

  /** Nobody waits any longer: SIGKILL. */
  kill(): void {
    this.#process?.kill()
  }

  detail(): string {
    if (this.#isWaiting) return `${this.settings.command}, waits for ${this.settings.dependsOn?.join(', ')}`
    return this.#process === undefined ? this.settings.command : `${this.settings.command}, pid ${this.#process.pid}`
  }

  // Read anew at each start: a secret that was changed is the next process's.
  #copySecrets(scope: AgentScope, user: UnixUser | undefined): SecretCopies | undefined {
    const { secrets = {} } = this.settings
    const { home } = this.#options.context
    if (Object.keys(secrets).length === 0) return undefined
    const copies = copySecrets(this.id, secrets, user === undefined ? secretFolder(home) : userSecretFolder(home), user)
    scope.defer(() => copies.remove())
    return copies
  }

  #makeCgroup(scope: AgentScope): Cgroup | undefined {
    const { sandbox = noSandbox } = this.settings
    try {
      const cgroup = this.#options.cgroups?.make(sandbox)
      // When its process is gone: whoever left that one's group is ended here.
      if (cgroup !== undefined) scope.defer(async () => void ((await cgroup.end()) || scope.log.error({ groups: cgroup.directories }, 'processes of the agent survived SIGKILL')))
      return cgroup
    } catch (error) {
      throw new BrokerError('sandbox.unavailable', { agent: this.id, level: sandbox.level, missing: `control groups: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
    }
  }

  async #plan(launch: Launch, cgroup: Cgroup | undefined): Promise<SandboxPlan | undefined> {
    const { settings } = this
    const { context } = this.#options
    const { sandbox = noSandbox } = settings
    if (sandbox.level === 'none' && launch.user === undefined) return undefined
    // Processes that a control group counts need no user namespace to be counted in.
    const counted = cgroup?.parts.processes === undefined ? sandbox : { ...sandbox, processes: undefined }
    const enclosure = await chooseEnclosure(counted, launch.user?.uid ?? process.getuid?.() ?? 0, launch.user)
    const plan = planOf(this.id, launch, sandbox, context.home, enclosure, context.secrets?.())
    return cgroup === undefined ? plan : { ...plan, cgroup: { joins: cgroup.directories.length, parts: cgroup.parts } }
  }

  async #end(agent: AgentProcess): Promise<void> {
    this.#asked = agent
    agent.stop()
    await agent.exited
    this.#options.register.remove(agent.pid)
  }

  #tellEnd(agent: AgentProcess | undefined, exit: AgentExit | undefined, wasAsked: boolean): void {
    const { context, clock, watcher } = this.#options
    const settings = this.#begunWith
    watcher?.ended({
      settings,
      id: this.id,
      instance: this.instance,
      incarnation: this.incarnation,
      process: agent === undefined || exit === undefined ? undefined : { pid: agent.programPid, exit },
      startError: agent === undefined ? this.#startError : undefined,
      wasAsked,
      directory: settings.cwd ?? context.directory,
      begunMs: this.#begunMs,
      lines: this.recent.ofLatestStart(),
      sandbox: agent?.sandbox,
      timeMs: Math.floor(clock.wallMicros() / 1000),
    })
  }

  // An end that was asked for comes here as well: its scope is over then and passes over what is said.
  async #watch(agent: AgentProcess, scope: AgentScope): Promise<void> {
    const exit = await agent.exited
    if (this.#process === agent) this.#process = undefined
    this.#lastExit = exit
    scope.log.info({ pid: agent.pid, ...exit }, 'exited')
    this.#tellEnd(agent, exit, this.#asked === agent)
    if (exit.code === 0) scope.finish()
    else scope.fail(new BrokerError('agent.failed', { agent: this.id, problem: exitProblem(exit) }))
  }
}

function exitProblem(exit: AgentExit): string {
  return `${exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`}${limitText(exit)}`
}
