// The supervisors of a fleet: that of all agents, and below it one for each group. Knows no processes.
//
//   agents ─┬─ agent.weather            oneForOne: each for itself
//           ├─ agent.weather/2
//           └─ group.pipeline ─┬─ agent.store      as the group's strategy says; too many restarts, and all of it
//                              └─ agent.index      stays down, in quarantine

import { defaultBackoff, type AgentGroupSettings } from '../broker/ground/settings.ts'
import type { ActorInfo } from '../broker/ground/types.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'
import { Supervisor } from './supervisor.ts'

/** An agent as these supervisors see it. */
export interface FleetMember {
  readonly name: string
  /** undefined: it stands for itself. */
  readonly group: string | undefined
  /** Its instances, as they are now. */
  specs(): readonly ChildSpec[]
}

export class FleetTree {
  readonly #members: readonly FleetMember[]
  readonly #groups: ReadonlyMap<string, AgentGroupSettings>
  readonly #environment: Environment
  /** Those of the current incarnations: one that failed is made anew. */
  #agents: Supervisor | undefined
  readonly #groupSupervisors = new Map<string, Supervisor>()

  /** `members` in start order. */
  constructor(members: readonly FleetMember[], groups: readonly AgentGroupSettings[], environment: Environment) {
    this.#members = members
    this.#groups = new Map(groups.map((group) => [group.name, group]))
    this.#environment = environment
  }

  /** The supervisor `agents`, which does not run yet. A group stands where its first agent does. */
  supervise(): Supervisor {
    const grouped = new Set<string>()
    const children = this.#members.flatMap((member) => {
      const group = this.#groupOf(member)
      if (group === undefined) return member.specs()
      if (grouped.has(group.name)) return []
      grouped.add(group.name)
      return [this.#groupChild(group)]
    })
    this.#agents = new Supervisor({ id: 'agents', strategy: 'oneForOne', intensity: Infinity, environment: this.#environment, children })
    return this.#agents
  }

  /** That of the agent. */
  supervisor(member: FleetMember): Supervisor {
    const group = this.#groupOf(member)
    return (group === undefined ? this.#agents : this.#groupSupervisors.get(group.name))!
  }

  /** Starts the group of the agent where that is down; false: it is not, or the agent is in none. Rejects with why it does not start. */
  async revive(member: FleetMember): Promise<boolean> {
    const group = this.#groupOf(member)
    if (group === undefined || !this.isDown(member)) return false
    await this.#agents!.restartChild(idOf(group))
    return true
  }

  /** True when the agent is in a group that is down. */
  isDown(member: FleetMember): boolean {
    const group = this.#groupOf(member)
    return group !== undefined && this.#agents?.find(idOf(group)) === undefined
  }

  /** What is known of the children, by their ids; those of a group that is in quarantine are in it too. */
  info(): ReadonlyMap<string, Pick<ActorInfo, 'quarantine'> & Partial<ActorInfo>> {
    const found = new Map<string, Pick<ActorInfo, 'quarantine'> & Partial<ActorInfo>>()
    for (const child of this.#agents?.info().children ?? []) for (const each of child.kind === 'supervisor' ? child.children : [child]) found.set(each.id, each)
    const down = new Map((this.#agents?.info().children ?? []).flatMap(({ id, quarantine }) => (quarantine === undefined ? [] : [[id, quarantine]])))
    for (const member of this.#members) {
      const group = this.#groupOf(member)
      const quarantine = group && down.get(idOf(group))
      if (quarantine !== undefined) for (const { id } of member.specs()) found.set(id, { quarantine })
    }
    return found
  }

  #groupOf({ group }: FleetMember): AgentGroupSettings | undefined {
    return group === undefined ? undefined : this.#groups.get(group)
  }

  #groupChild(group: AgentGroupSettings): ChildSpec {
    const { name, strategy, intensity, periodMs } = group
    const make = (): Supervisor => {
      const children = this.#members.filter((member) => member.group === name).flatMap((member) => member.specs())
      const supervisor = new Supervisor({ id: idOf(group), strategy, intensity, periodMs, environment: this.#environment, children })
      this.#groupSupervisors.set(name, supervisor)
      return supervisor
    }
    // The first at once, so that the specs are checked before anything starts.
    let first: Supervisor | undefined = make()
    return {
      id: idOf(group),
      kind: 'supervisor',
      restart: 'permanent',
      // That it gave up is the last word: what it bears is its own intensity.
      intensity: 0,
      backoff: defaultBackoff,
      create() {
        const supervisor = first ?? make()
        first = undefined
        return supervisor
      },
    }
  }
}

const idOf = ({ name }: AgentGroupSettings): string => `group.${name}`
