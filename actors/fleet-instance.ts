// One instance of an agent as its fleet sees it: whether it serves, and how it is taken out of service, ended and started.
//
//   starting ─ attached, and settled or registered ─▶ serving ─ drain ─▶ draining ─ idle ─▶ ended
//
// Agents that never attach to the bus are taken to serve when they have run for a moment.

import type { LocalAgent } from '../agents/local-agent.ts'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Retiring } from '../broker/retiring.ts'
import type { agentMachine } from '../machines/agent.ts'
import type { Actor } from './actor.ts'
import { agentChild } from './agent-child.ts'
import type { Environment } from './behaviour.ts'
import type { ChildEnd, ChildSpec } from './child-spec.ts'
import type { InstanceVerdict } from './instance-verdict.ts'
import type { Supervisor } from './supervisor.ts'
import { waitUntil } from './wait-until.ts'

export interface InstanceHost {
  readonly environment: Environment
  readonly retiring: Retiring
  /** Told of each end of an instance, and what its supervisor does about it. */
  readonly onEnd?: ((instanceId: string, end: ChildEnd) => void) | undefined
  /** The supervisor of this instance, which may be another one than a moment ago. */
  supervisor(): Supervisor
  /** The connection by which this instance is reached; undefined: there is none. */
  connection(instanceId: string): Connection | undefined
  /** All that its process has, but for those of one before it. */
  connections(instanceId: string): readonly Connection[]
  /** undefined: nobody looks after its health. */
  verdictOf(instanceId: string): InstanceVerdict | undefined
  /** It is there for a rolling change alone: when it ends, it is not started again, and what becomes of it concerns no sibling. */
  readonly isSurge: boolean
  /** Others serve beside it: until it is ready, requests are theirs. */
  hasSiblings(): boolean
}

/** How long one that has attached and not registered by itself is left to prepare. ms */
const SETTLE_MS = 200
/** How long one must have run that never attaches. ms */
const RUNNING_MS = 1000

export class FleetInstance {
  readonly agent: LocalAgent
  readonly #host: InstanceHost
  readonly #settled = new Deadline(() => this.#ready())
  #isDraining = false
  #isDrained = false
  /** Some incarnation has attached: the next ones are expected to. */
  #hasAttached = false

  constructor(agent: LocalAgent, host: InstanceHost) {
    this.agent = agent
    this.#host = host
  }

  get id(): string {
    return this.agent.id
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** It was drained and ended, and has not been started since. */
  get isDrained(): boolean {
    return this.#isDrained
  }

  get hasAttached(): boolean {
    return this.#hasAttached
  }

  /** undefined while it is down. The child of that id is one that agentChild made. */
  get actor(): Actor<typeof agentMachine> | undefined {
    return this.#host.supervisor().find(`agent.${this.id}`) as Actor<typeof agentMachine> | undefined
  }

  /** As a child of its supervisor. */
  get spec(): ChildSpec {
    const { environment, onEnd, isSurge } = this.#host
    const spec = agentChild(this.agent, environment, onEnd && ((end) => onEnd(this.id, end)))
    return isSurge ? { ...spec, restart: 'temporary' } : spec
  }

  /** What it shares with others at the moment: groups, queues, names. */
  get serves(): ReadonlySet<string> {
    return new Set(this.#connections.filter(({ isInstanceLink }) => isInstanceLink).flatMap((connection) => [...this.#host.retiring.serves(connection)]))
  }

  /** An edge in the life of a connection of this instance. */
  connectionEvent(connection: Connection, event: ConnectionEvent): void {
    const { retiring, environment } = this.#host
    const isFirst = connection === this.#connection
    if (event === 'authenticated' && this.#isDraining) retiring.begin(connection)
    if (!connection.isInstanceLink) return
    if (event === 'authenticated') {
      this.#hasAttached = true
      if (!this.#isDraining && isFirst && this.#host.hasSiblings() && retiring.serves(connection).size === 0) {
        retiring.keep(connection, 'starting')
        environment.deadlines.set(this.#settled, SETTLE_MS)
      }
      this.actor?.signal({ type: 'ATTACHED' })
    } else if (event === 'closed' && this.#connection === undefined) this.actor?.signal({ type: 'DETACHED' })
  }

  /** Whether it serves now, and if not why. `isAttaching`: it is expected to connect; otherwise it serves when it has run for so long. */
  verdict(isAttaching: boolean, runningMs = RUNNING_MS): InstanceVerdict {
    const { pid, startError, isWaiting } = this.agent
    if (isWaiting) return { state: 'starting', problem: 'it waits for what it depends on' }
    if (pid === undefined) return startError === undefined ? { state: 'starting', problem: 'it does not run yet' } : { state: 'unhealthy', problem: startError.message }
    const connection = this.#connection
    if (connection?.isReady !== true && (isAttaching || this.agent.ranMs < runningMs)) return { state: 'starting', problem: isAttaching ? 'it has not connected' : 'it has not run for long' }
    if (connection !== undefined && this.#host.retiring.kept(connection) === 'starting') return { state: 'starting', problem: 'it has connected a moment ago' }
    return this.#host.verdictOf(this.id) ?? { state: 'healthy' }
  }

  /** Nothing new comes to it; resolves to true when it has answered what it had, to false when `limitMs` are over before. */
  async drain(limitMs: number): Promise<boolean> {
    this.#isDraining = true
    const { retiring, environment } = this.#host
    for (const connection of this.#connections) retiring.begin(connection)
    return waitUntil(() => this.#connections.every((connection) => !connection.isPresent || retiring.isIdle(connection)), limitMs, environment)
  }

  /** A process of it is about to be started, whoever wants that. */
  begins(): void {
    this.#isDrained = false
  }

  /** It takes part again, if it was not ended meanwhile. */
  undrain(): void {
    this.#isDraining = false
    for (const connection of this.#connections) if (connection.isRetiring) this.#host.retiring.end(connection)
  }

  /**
   * Ends its process and starts another; one that is down is started. Resolves when the new one runs.
   * @throws BrokerError `agent.failed`: it does not come to run
   */
  async restart(): Promise<void> {
    const { actor } = this
    const isPlanned = actor?.signal({ type: 'MAINTAIN' }) === true
    this.#isDraining = false
    // It may have to come to run first: its signal waits until then.
    const isRunning = isPlanned ? (await actor.reaches('maintain')) && (await actor.reaches('run')) : await this.#startAgain()
    if (!isRunning || (this.agent.pid === undefined && !this.agent.isWaiting)) throw this.agent.startError ?? new BrokerError('agent.failed', { agent: this.id, problem: 'ended during its restart' })
  }

  /** As a child of its supervisor, which it is not yet. @throws BrokerError `agent.failed` */
  async start(): Promise<void> {
    await this.#host.supervisor().startChild(this.spec)
    if (this.agent.pid === undefined && this.agent.startError !== undefined) throw this.agent.startError
  }

  /** After its drain: its process ends, and it stays down. */
  async stop(): Promise<void> {
    try {
      await this.#host.supervisor().stopChild(`agent.${this.id}`).catch(passGone)
      this.#isDrained = true
    } finally {
      this.#isDraining = false
    }
  }

  /** Its process ends, and its supervisor forgets it. */
  async remove(): Promise<void> {
    this.#host.environment.deadlines.cancel(this.#settled)
    await this.#host.supervisor().removeChild(`agent.${this.id}`).catch(passGone)
  }

  async #startAgain(): Promise<boolean> {
    const supervisor = this.#host.supervisor()
    const child = `agent.${this.id}`
    try {
      // One that waits for its restart does not wait any longer.
      await supervisor.stopChild(child)
      return (await supervisor.restartChild(child)) !== undefined
    } catch (error) {
      // A temporary one was forgotten when it ended.
      if (BrokerError.from(error).code !== 'supervisor.unknown_child') throw error
      return (await supervisor.startChild(this.spec)) !== undefined
    }
  }

  #ready(): void {
    const connection = this.#connection
    if (connection !== undefined && this.#host.retiring.kept(connection) === 'starting') this.#host.retiring.keep(connection, undefined)
  }

  get #connection(): Connection | undefined {
    return this.#host.connection(this.id)
  }

  get #connections(): readonly Connection[] {
    return this.#host.connections(this.id)
  }
}

// A temporary one that has ended, and one whose group gave up, is down as was asked for.
function passGone(error: unknown): void {
  if (!['supervisor.unknown_child', 'actor.ended'].includes(BrokerError.from(error).code)) throw error
}
