// The agents of a broker: which there are, who their instances are, and what operators do to them. Runs none: their supervisor does.

import type { AgentChange } from '../agents/agent-change.ts'
import { differences, type DesiredState } from '../agents/desired-state.ts'
import { readInstanceId } from '../agents/instance-id.ts'
import { limitText } from '../agents/agent-process.ts'
import type { LocalAgent } from '../agents/local-agent.ts'
import { Schedule } from '../agents/schedule.ts'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { AgentLogLine } from '../broker/ground/agent-line.ts'
import type { AgentInfo } from '../broker/ground/api.ts'
import { dependencyOrder } from '../broker/ground/dependency-order.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { nearest } from '../broker/ground/nearest.ts'
import type { ScheduleInfo } from '../broker/ground/schedule.ts'
import type { AgentGroupSettings, AgentSettings } from '../broker/ground/settings.ts'
import type { ActorInfo } from '../broker/ground/types.ts'
import type { OwnAgent } from '../broker/registering.ts'
import type { Retiring } from '../broker/retiring.ts'
import { AgentSchedule } from './agent-schedule.ts'
import type { Environment } from './behaviour.ts'
import type { ChildEnd } from './child-spec.ts'
import { FleetAgent } from './fleet-agent.ts'
import type { FleetInstance } from './fleet-instance.ts'
import { FleetTree, type FleetMember } from './fleet-tree.ts'
import type { InstanceVerdict } from './instance-verdict.ts'
import type { Supervisor } from './supervisor.ts'

export interface FleetOptions {
  /** As configured. */
  readonly agents: readonly AgentSettings[]
  /** What was changed of them since; undefined: nothing, and nothing is kept. */
  readonly desired?: DesiredState | undefined
  readonly groups?: readonly AgentGroupSettings[] | undefined
  /** Makes an instance, which does not run yet. `ready`: see LocalAgentOptions. */
  readonly makeAgent: (settings: AgentSettings, instance: number, ready: () => Promise<void> | undefined) => LocalAgent
  readonly environment: Environment
  /** Told of each end of an instance, and what its supervisor does about it. */
  readonly onEnd?: ((instanceId: string, end: ChildEnd) => void) | undefined
  readonly retiring: Retiring
  /** The connection by which this instance is reached; undefined: there is none. */
  readonly connection: (instanceId: string) => Connection | undefined
  /** All that its process has, but for those of one before it. */
  readonly connections: (instanceId: string) => readonly Connection[]
  /** How whoever probes it says that an instance is; undefined: nobody probes it. */
  readonly verdictOf?: (instanceId: string) => InstanceVerdict | undefined
}

/** Whom an operator names: an agent, or one of its instances. */
interface Named {
  readonly agent: FleetAgent
  /** undefined: all of them. */
  readonly instance: FleetInstance | undefined
}

export class Fleet {
  readonly #options: FleetOptions
  /** In the order of the configuration. */
  readonly #agents = new Map<string, FleetAgent>()
  readonly #configured: ReadonlyMap<string, AgentSettings>
  /** By instance id. */
  readonly #schedules = new Map<string, AgentSchedule>()
  readonly #members = new Map<string, FleetMember>()
  readonly #tree: FleetTree
  /** Another process of this broker takes over, or has. */
  #isFrozen = false

  constructor(options: FleetOptions) {
    const { agents, groups = [], desired, environment, onEnd, retiring, connection, connections, makeAgent, verdictOf = () => undefined } = options
    this.#options = options
    this.#configured = new Map(agents.map((settings) => [settings.name, settings]))
    for (const configured of agents) {
      const member: FleetMember = { name: configured.name, group: configured.agentGroup, specs: () => this.#agents.get(configured.name)!.instances.map(({ spec }) => spec) }
      const host = { environment, onEnd, retiring, connection, connections, makeAgent, verdictOf, ready: (settings: AgentSettings) => this.#ready(settings), supervisor: () => this.#tree.supervisor(member), keep: (settings: AgentSettings) => desired?.keep(configured, settings) }
      this.#agents.set(configured.name, new FleetAgent(desired?.apply(configured) ?? configured, host))
      this.#members.set(configured.name, member)
    }
    const found = dependencyOrder(agents.map(({ name, dependsOn = [] }) => ({ name, dependsOn })))
    if ('cycle' in found) throw new BrokerError('config.invalid', { problem: `agents depend on each other in a circle: ${found.cycle.join(' needs ')}` })
    this.#tree = new FleetTree(found.order.map(({ name }) => this.#members.get(name)!), groups, environment)
  }

  /** The supervisor `agents` of all instances, which does not run yet. */
  supervise(): Supervisor {
    const supervisor = this.#tree.supervise()
    for (const { agent } of this.#all()) this.#beginSchedule(agent)
    return supervisor
  }

  /** True for processes of an instance, and those that it started and that stayed in its group. */
  owns(pid: number): boolean {
    return this.#all().some(({ agent }) => agent.owns(pid))
  }

  agents(): AgentInfo[] {
    const children = this.#tree.info()
    return [...this.#agents.values()].flatMap((agent) => {
      const change = differences(this.#configured.get(agent.name)!, agent.settings)
      return agent.instances.map((instance) => agentInfo(instance, children.get(`agent.${instance.id}`), change, this.#schedules.get(instance.id)?.info(), this.#options.verdictOf?.(instance.id)))
    })
  }

  /**
   * What an agent or one instance printed last: at most `limit` lines after position `after`, oldest first.
   * @throws BrokerError `agent.unknown`
   */
  lines(name: string, limit: number, after: number): AgentLogLine[] {
    const { agent, instance } = this.#named(name)
    const lines = (instance === undefined ? agent.instances : [instance]).flatMap((each) => each.agent.recent.last(limit, after))
    return lines.toSorted((a, b) => a.seq - b.seq).slice(-limit)
  }

  /** What is said of an agent, and its instances or the one that is meant. @throws BrokerError `agent.unknown` */
  agent(name: string): { readonly settings: AgentSettings; readonly instances: readonly AgentInfo[] } {
    const { agent, instance } = this.#named(name)
    return { settings: agent.settings, instances: this.#infoOf(agent.name).filter((info) => instance === undefined || info.name === instance.id) }
  }

  /** @throws BrokerError `agent.unknown`: no agent and no instance has that name */
  checkName(name: string): void {
    this.#named(name)
  }

  /** What an instance is registered as; undefined: it is none of these. */
  own(id: string): OwnAgent | undefined {
    const found = this.#instance(id)
    return found?.id === id ? { name: found.agent.settings.name, instance: id } : undefined
  }

  /**
   * Ends the processes of an agent, or of one instance, by plan and starts them anew; resolves when the new ones run. `isRolling`: one after
   * the other, each once the one before it serves.
   * @throws BrokerError `agent.unknown`, `agent.busy`, `agent.failed` when one does not come to run, `agent.change_failed`, `agent.bad_change`
   */
  async restartAgent(name: string, isRolling: boolean): Promise<AgentInfo> {
    const { agent, instance } = this.#named(name)
    this.#checkFrozen(agent)
    // With a group that gave up, all of it is started.
    const isRevived = await this.#tree.revive(this.#members.get(agent.name)!)
    if (isRevived) return this.agents().find((each) => each.name === (instance ?? agent.instances[0])?.id)!
    // An upgrade may have begun meanwhile.
    this.#checkFrozen(agent)
    if (!isRolling) await agent.restart(instance)
    else if (instance === undefined) await agent.restartRolling()
    else throw new BrokerError('agent.bad_change', { agent: name, problem: `a rolling restart is of all its instances; name ${agent.name}` })
    const { id } = instance ?? agent.instances[0] ?? { id: undefined }
    const info = this.agents().find((each) => each.name === id)
    if (info === undefined) throw new BrokerError('agent.failed', { agent: name, problem: 'has no instances; start some with: callboard agent scale' })
    return info
  }

  /** From now on so many instances run; resolves when they were started, or have ended. @throws BrokerError `agent.unknown`, `agent.busy`, `agent.failed`, `agent.not_kept` */
  async scaleAgent(name: string, instances: number): Promise<AgentInfo[]> {
    await this.#working(name).scale(instances)
    return this.#infoOf(name)
  }

  /** Takes an agent, or one instance, out of service without a loss, and ends it. @throws BrokerError `agent.unknown`, `agent.busy` */
  async drainAgent(name: string): Promise<AgentInfo[]> {
    const { agent, instance } = this.#named(name)
    this.#checkGroup(agent)
    await agent.drain(instance)
    return this.#infoOf(agent.name)
  }

  /** Replaces its instances one after the other by such with other settings. @throws BrokerError `agent.unknown`, `agent.busy`, `agent.bad_change`, `agent.change_failed`, `agent.not_kept` */
  async upgradeAgent(name: string, change: AgentChange): Promise<AgentInfo[]> {
    await this.#working(name).upgrade(change)
    return this.#infoOf(name)
  }

  /**
   * From now on nobody changes anything here: another process of this broker is about to take the agents over as they are.
   * @throws BrokerError `upgrade.busy` while one of them is changed
   */
  freeze(): void {
    const busy = [...this.#agents.values()].find(({ change }) => change !== undefined)
    if (busy !== undefined) throw new BrokerError('upgrade.busy', { problem: `agent "${busy.name}" is in the middle of a change (${busy.change})` })
    this.#isFrozen = true
  }

  /** No other process has taken over. */
  thaw(): void {
    this.#isFrozen = false
  }

  /** Nothing is started by the clock any more: the process that has taken over does that. */
  endSchedules(): void {
    for (const schedule of this.#schedules.values()) schedule.end()
  }

  /** Drains and ends this one instance, also while nothing may be changed: `weather` is the first one, not all of that agent. */
  async relieve(id: string): Promise<void> {
    const instance = this.#instance(id)
    if (instance !== undefined) await this.#agents.get(instance.agent.settings.name)!.drain(instance)
  }

  /** An edge in the life of a connection that belongs to an instance. */
  connectionEvent(id: string, connection: Connection, event: ConnectionEvent): void {
    this.#instance(id)?.connectionEvent(connection, event)
  }

  // Once in the life of the broker: whoever supervises the agent meanwhile is asked when its time comes.
  #beginSchedule({ id, settings: { name, schedule } }: LocalAgent): void {
    if (schedule === undefined || this.#schedules.has(id)) return
    const member = this.#members.get(name)!
    const start = async (): Promise<unknown> => {
      if (this.#tree.isDown(member)) throw new BrokerError('supervisor.child_busy', { child: `agent.${id}`, state: 'down with its group' })
      return this.#tree.supervisor(member).startDeferred(`agent.${id}`)
    }
    this.#schedules.set(id, new AgentSchedule({ id, settings: schedule, schedule: new Schedule(id, schedule), environment: this.#options.environment, start }))
  }

  // undefined: what it depends on serves.
  #ready({ name, dependsOn = [] }: AgentSettings): Promise<void> | undefined {
    const missing = dependsOn.flatMap((other) => this.#agents.get(other) ?? []).filter(({ isServing }) => !isServing)
    if (missing.length === 0) return undefined
    return Promise.all(missing.map(async (other) => {
      if (!(await other.serves())) this.#options.environment.log.warn({ agent: name, dependency: other.name }, 'the agent is started though what it depends on does not serve')
    })).then(() => {})
  }

  #infoOf(name: string): AgentInfo[] {
    return this.agents().filter(({ agent }) => agent === name)
  }

  #all(): FleetInstance[] {
    return [...this.#agents.values()].flatMap(({ instances }) => instances)
  }

  // All instances of an agent whose supervisor is there.
  #working(name: string): FleetAgent {
    const { agent, instance } = this.#named(name)
    if (instance !== undefined) throw new BrokerError('agent.bad_change', { agent: name, problem: `it is an instance; name ${agent.name}, which means all of them` })
    this.#checkGroup(agent)
    return agent
  }

  #checkFrozen({ name }: FleetAgent): void {
    if (this.#isFrozen) throw new BrokerError('agent.busy', { agent: name, change: 'upgrade of the broker' })
  }

  #checkGroup(agent: FleetAgent): void {
    const { name } = agent
    this.#checkFrozen(agent)
    if (this.#tree.isDown(this.#members.get(name)!)) throw new BrokerError('agent.failed', { agent: name, problem: `is down with its group; start that first: callboard agent restart ${name}` })
  }

  #named(name: string): Named {
    const agent = this.#agents.get(name)
    if (agent !== undefined) return { agent, instance: undefined }
    const instance = this.#instance(name)
    if (instance !== undefined) return { agent: this.#agents.get(instance.agent.settings.name)!, instance }
    const suggestion = nearest(name, [...this.#agents.keys(), ...this.#all().map(({ id }) => id)])
    throw new BrokerError('agent.unknown', { agent: name, suggestion: suggestion === undefined ? '' : `; did you mean ${suggestion}?` })
  }

  #instance(id: string): FleetInstance | undefined {
    const named = readInstanceId(id)
    return named && this.#agents.get(named.agent)?.instance(named.instance)
  }
}

function agentInfo({ agent: { id, instance, settings, pid, isWaiting, lastExit, startError, sandbox }, isDraining, isDrained }: FleetInstance, actor: (Pick<ActorInfo, 'quarantine'> & Partial<ActorInfo>) | undefined, change: readonly string[], schedule: ScheduleInfo | undefined, verdict: InstanceVerdict | undefined): AgentInfo {
  return {
    name: id,
    agent: settings.name,
    instance,
    phase: actor?.phase ?? 'exited',
    ...(pid === undefined ? {} : { pid }),
    incarnation: actor?.incarnation ?? 0,
    restarts: actor?.restarts ?? 0,
    ageMs: Math.round(actor?.ageMs ?? 0),
    ...(lastExit === undefined ? {} : { lastExit: `${lastExit.signal ?? `code ${lastExit.code}`}${limitText(lastExit)}` }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(settings.version === undefined ? {} : { version: settings.version }),
    ...(isWaiting ? { waitsFor: settings.dependsOn ?? [] } : {}),
    ...(isDraining ? { draining: true } : {}),
    ...(isDrained ? { drained: true } : {}),
    ...(change.length === 0 ? {} : { changed: change }),
    ...(pid !== undefined || isWaiting || startError === undefined ? {} : { problem: startError.message }),
    ...(verdict === undefined ? {} : healthOf(verdict)),
    ...(actor?.quarantine && { quarantine: actor.quarantine }),
  }
}

function healthOf({ state, problem, probes }: InstanceVerdict): Pick<AgentInfo, 'health' | 'problem' | 'probes'> {
  return { health: state, ...(problem === undefined ? {} : { problem }), ...(probes === undefined ? {} : { probes }) }
}
