// The agents of a broker: which instances there are, who they are, and what is done to them. Runs none: their supervisor does.

import type { LocalAgent } from '../agents/local-agent.ts'
import { readInstanceId } from '../agents/instance-id.ts'
import { Schedule } from '../agents/schedule.ts'
import type { ConnectionEvent } from '../broker/connection.ts'
import type { AgentLogLine } from '../broker/ground/agent-line.ts'
import type { AgentInfo } from '../broker/ground/api.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { nearest } from '../broker/ground/nearest.ts'
import type { ScheduleInfo } from '../broker/ground/schedule.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import type { ActorInfo } from '../broker/ground/types.ts'
import type { OwnAgent } from '../broker/registering.ts'
import type { agentMachine } from '../machines/agent.ts'
import type { Actor } from './actor.ts'
import { agentChild } from './agent-child.ts'
import { AgentSchedule } from './agent-schedule.ts'
import type { Environment } from './behaviour.ts'
import type { ChildEnd } from './child-spec.ts'
import { Supervisor } from './supervisor.ts'

export interface FleetOptions {
  readonly agents: readonly AgentSettings[]
  /** Makes an instance, which does not run yet. */
  readonly makeAgent: (settings: AgentSettings, instance: number) => LocalAgent
  readonly environment: Environment
  /** Told of each end of an instance, and what its supervisor does about it. */
  readonly onEnd?: (instanceId: string, end: ChildEnd) => void
  /** True while a connection is there that identified itself as this instance. */
  readonly isAttached: (instanceId: string) => boolean
}

export class Fleet {
  readonly #options: FleetOptions
  /** By agent, its instances by number, in the order of the configuration. */
  readonly #agents = new Map<string, Map<number, LocalAgent>>()
  /** By instance id. */
  readonly #schedules = new Map<string, AgentSchedule>()
  /** That of the current incarnation: a branch that failed is made anew. */
  #supervisor: Supervisor | undefined

  constructor(options: FleetOptions) {
    this.#options = options
    for (const settings of options.agents) {
      const numbers = Array.from({ length: settings.instances ?? 1 }, (_, at) => at + 1)
      this.#agents.set(settings.name, new Map(numbers.map((number) => [number, options.makeAgent(settings, number)])))
    }
  }

  /** The supervisor `agents` of all instances, which does not run yet. */
  supervise(): Supervisor {
    const { environment, onEnd } = this.#options
    const children = this.#all().map((agent) => agentChild(agent, environment, onEnd && ((end) => onEnd(agent.id, end))))
    this.#supervisor = new Supervisor({ id: 'agents', strategy: 'oneForOne', intensity: Infinity, environment, children })
    for (const agent of this.#all()) this.#beginSchedule(agent)
    return this.#supervisor
  }

  /** True for processes of an instance, and those that it started and that stayed in its group. */
  owns(pid: number): boolean {
    return this.#all().some((agent) => agent.owns(pid))
  }

  agents(): AgentInfo[] {
    const children = new Map(this.#supervisor?.info().children.map((child) => [child.id, child]))
    return this.#all().map((agent) => agentInfo(agent, children.get(`agent.${agent.id}`), this.#schedules.get(agent.id)?.info()))
  }

  /**
   * What an agent or one instance printed last: at most `limit` lines after position `after`, oldest first.
   * @throws BrokerError `agent.unknown`
   */
  lines(name: string, limit: number, after: number): AgentLogLine[] {
    const lines = this.#named(name).flatMap(({ recent }) => recent.last(limit, after))
    return lines.toSorted((a, b) => a.seq - b.seq).slice(-limit)
  }

  /** The name of the agent that is meant, and the id of the instance where one is. @throws BrokerError `agent.unknown` */
  meant(name: string): { readonly agent: string; readonly instance: string | undefined } {
    const [first] = this.#named(name)
    return { agent: first!.settings.name, instance: this.#agents.has(name) ? undefined : first!.id }
  }

  /** What an instance is registered as; undefined: it is none of these. */
  own(id: string): OwnAgent | undefined {
    const agent = this.#instance(id)
    return agent?.id === id ? { name: agent.settings.name, instance: id } : undefined
  }

  /**
   * Ends the processes of an agent, or of one instance, by plan and starts them anew; resolves when the new ones run.
   * @throws BrokerError `agent.unknown`, `agent.failed` when one is down, or does not come to run again
   */
  async restartAgent(name: string): Promise<AgentInfo> {
    const meant = this.#named(name)
    await Promise.all(meant.map((agent) => this.#restart(agent)))
    return this.agents().find((info) => info.name === meant[0]!.id)!
  }

  /** An edge in the life of a connection that identified itself as an instance. */
  connectionEvent(id: string, event: ConnectionEvent): void {
    if (event === 'authenticated') this.#actor(id)?.signal({ type: 'ATTACHED' })
    else if (event === 'closed' && !this.#options.isAttached(id)) this.#actor(id)?.signal({ type: 'DETACHED' })
  }

  // Once in the life of the broker: whoever supervises the agent meanwhile is asked when its time comes.
  #beginSchedule({ id, settings: { schedule } }: LocalAgent): void {
    if (schedule === undefined || this.#schedules.has(id)) return
    const start = async (): Promise<unknown> => this.#supervisor?.startDeferred(`agent.${id}`)
    this.#schedules.set(id, new AgentSchedule({ id, settings: schedule, schedule: new Schedule(id, schedule), environment: this.#options.environment, start }))
  }

  async #restart(agent: LocalAgent): Promise<void> {
    const { id } = agent
    const actor = this.#actor(id)
    if (!actor?.signal({ type: 'MAINTAIN' })) throw new BrokerError('agent.failed', { agent: id, problem: 'does not run; it is started again as its restart type and backoff say' })
    // It may have to come to run first: its signal waits until then.
    const isRunning = (await actor.reaches('maintain')) && (await actor.reaches('run'))
    if (!isRunning || agent.pid === undefined) throw agent.startError ?? new BrokerError('agent.failed', { agent: id, problem: 'ended during its restart' })
  }

  #all(): LocalAgent[] {
    return [...this.#agents.values()].flatMap((instances) => [...instances.values()])
  }

  /** All instances of an agent, or the one that is meant. */
  #named(name: string): readonly LocalAgent[] {
    const all = this.#agents.get(name)
    const one = all === undefined ? this.#instance(name) : undefined
    if (all !== undefined) return [...all.values()]
    if (one !== undefined) return [one]
    const suggestion = nearest(name, [...this.#agents.keys(), ...this.#all().map(({ id }) => id)])
    throw new BrokerError('agent.unknown', { agent: name, suggestion: suggestion === undefined ? '' : `; did you mean ${suggestion}?` })
  }

  #instance(id: string): LocalAgent | undefined {
    const named = readInstanceId(id)
    return named && this.#agents.get(named.agent)?.get(named.instance)
  }

  // The children of this supervisor are those that agentChild made.
  #actor(id: string): Actor<typeof agentMachine> | undefined {
    return this.#supervisor?.find(`agent.${id}`) as Actor<typeof agentMachine> | undefined
  }
}

function agentInfo({ id, instance, settings, pid, lastExit, sandbox }: LocalAgent, actor: ActorInfo | undefined, schedule: ScheduleInfo | undefined): AgentInfo {
  return {
    name: id,
    agent: settings.name,
    instance,
    phase: actor?.phase ?? 'exited',
    ...(pid === undefined ? {} : { pid }),
    incarnation: actor?.incarnation ?? 0,
    restarts: actor?.restarts ?? 0,
    ageMs: Math.round(actor?.ageMs ?? 0),
    ...(lastExit === undefined ? {} : { lastExit: lastExit.signal ?? `code ${lastExit.code}` }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}
