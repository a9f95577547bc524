// Connections as owners of registrations: what they register, who may, where requests to it go, and until when.

import type { Connection } from './connection.ts'
import { transportOf } from './connection-info.ts'
import { BrokerError } from './ground/errors.ts'
import type { MovedRegistration } from './ground/handover.ts'
import { REGISTERED_NAME } from './ground/registration.ts'
import { SERVICE_PREFIX, type InstanceHealth, type InstanceLoad, type InstanceOwner, type Registration, type RegistrationHandle } from './ground/registry.ts'
import type { Sink } from './ground/slice.ts'
import { matchesPattern } from './ground/subject.ts'
import type { Log } from './ground/types.ts'
import { PastLoad } from './registry/past-load.ts'
import type { Registry } from './registry/registry.ts'
import type { Permissions } from './security/permissions.ts'

/** Roles that may answer under any name that no rule keeps from them. */
const ANSWERING_ROLES = ['agent', 'admin', 'system'] as const

/** What a device says of its version counts where it is one. */
const SEMANTIC_VERSION = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

class ConnectionOwner implements InstanceOwner {
  readonly #connection: Connection
  readonly transport: string
  readonly isLocal: boolean
  readonly principal: string
  /** undefined: it is no instance of an agent. */
  readonly standing: Standing | undefined
  found: InstanceHealth | undefined
  now: (() => number) | undefined
  kept: InstanceHealth | undefined
  /** Names that it registered itself. */
  readonly asked = new Set<string>()

  constructor(connection: Connection, standing: Standing | undefined) {
    this.#connection = connection
    this.transport = connection.link.protocol === 'nats' ? 'nats' : transportOf(connection.link)
    this.isLocal = connection.link.peer.network !== 'remote'
    this.principal = connection.permissions!.name
    this.standing = standing
    this.found = standing?.found
    this.now = standing?.now
  }

  get number(): number {
    return this.#connection.number
  }

  removed(load: InstanceLoad): void {
    this.standing?.past.add(load)
  }

  get id(): string {
    return this.#connection.id
  }

  get client(): string {
    return this.#connection.client
  }

  // Who has no link cannot answer in time; who is delivered to by subscriptions must have one.
  sinkFor(subject: string): Sink | undefined {
    const connection = this.#connection
    if (!connection.isReady && !connection.isExpected) return undefined
    if (connection.answersFrames) return connection
    const tokens = subject.split('.')
    for (const { tokens: pattern, subscriber } of connection.subscriptions?.values() ?? []) if (pattern[0] === '$CB' && matchesPattern(pattern, tokens)) return subscriber
    return undefined
  }
}

/** An instance of an agent that this broker runs, as it stands in the registry. */
export interface OwnAgent {
  /** The agent's. */
  readonly name: string
  readonly instance: string
}

/** What is found of an agent's instance, and which of its connections have registered something. */
interface Standing {
  found: InstanceHealth | undefined
  now: (() => number) | undefined
  readonly owners: Set<ConnectionOwner>
  /** What was registered and is not any more. */
  readonly past: PastLoad
}

/** What it takes of the broker. */
interface RegisteringCore {
  readonly registry: Registry
  readonly log: Log
}

export class Registering {
  readonly #core: RegisteringCore
  /** Set by whoever runs agents, before the first connection. */
  ownAgent: (id: string) => OwnAgent | undefined = () => undefined
  readonly #owners = new Map<Connection, ConnectionOwner>()
  /** Of agents' instances, by their ids. */
  readonly #standings = new Map<string, Standing>()

  constructor(core: RegisteringCore) {
    this.#core = core
  }

  /** @throws BrokerError `permission.denied`: who has these permissions may not answer under that name */
  check(permissions: Permissions, name: string): void {
    const subject = `${SERVICE_PREFIX}${name}`.split('.')
    const mayAnswer = ANSWERING_ROLES.some((role) => permissions.has(role)) ? !permissions.mustNotReceive(subject) : permissions.mayTake(subject)
    if (!mayAnswer) throw new BrokerError('permission.denied', { principal: permissions.name, action: 'register as', subject: name })
  }

  /** @throws BrokerError `permission.denied`, `registry.*` */
  register(connection: Connection, asked: Registration): RegistrationHandle {
    const { owner, handle } = this.#register(connection, asked)
    owner.asked.add(asked.name)
    // Who registers by itself says that it is ready.
    if (owner.kept === 'starting') this.keep(connection, undefined)
    return handle
  }

  /** What whoever runs it says of all that it has registered and will register; undefined: nothing any more. Ends with the connection. */
  keep(connection: Connection, health: InstanceHealth | undefined): void {
    const owner = this.#owners.get(connection)
    if (owner !== undefined) this.#core.registry.judge(owner, () => (owner.kept = health))
  }

  /** undefined: nothing is said of it. */
  kept(connection: Connection): InstanceHealth | undefined {
    return this.#owners.get(connection)?.kept
  }

  /** Names that it registered itself, beside what it is as an agent or a node. */
  asked(connection: Connection): string[] {
    return [...(this.#owners.get(connection)?.asked ?? [])]
  }

  /**
   * Its registration of that name and id, or its only one of that name.
   * @throws BrokerError `registry.not_registered`
   */
  registered(connection: Connection, name: string, instance: string | undefined): RegistrationHandle {
    const owner = this.#owners.get(connection)
    const own = owner === undefined ? [] : this.#core.registry.owned(owner, name)
    const found = instance === undefined ? (own.length === 1 ? own[0] : own.find(({ info }) => info.instance === connection.client)) : own.find(({ info }) => info.instance === instance)
    if (found === undefined) throw new BrokerError('registry.not_registered', { name, instance: instance === undefined ? 'an instance' : `instance "${instance}"` })
    return found
  }

  /**
   * A connection is let in: what it registers as itself, and what it is as an agent or a node.
   * @throws BrokerError `permission.denied`, `registry.*` for what it asked for itself
   */
  admitted(connection: Connection, asked: Registration | undefined): void {
    const own = asked === undefined ? undefined : this.register(connection, asked)
    const { agent } = connection
    // Of others than those that have its name an instance may have many.
    const name = agent === undefined ? undefined : (this.#ownAgent(connection)?.name ?? agent)
    if (name !== undefined && own?.info.name !== name) this.#offer(connection, { kind: 'agent', name, ...describe(connection) })
    else if (connection.device?.role === 'node' && own === undefined) this.#offer(connection, { kind: 'node', name: connection.client, ...describe(connection) })
  }

  /** What probes found of an agent's instance: it holds for whatever that registers, now and later. undefined: nothing speaks against it. */
  found(instance: string, health: InstanceHealth | undefined): void {
    const standing = this.#standing(instance)
    standing.found = health
    for (const owner of standing.owners) this.#core.registry.judge(owner, () => (owner.found = health))
  }

  /** What was found of an agent's instance last; undefined: nothing speaks against it. */
  foundOf(instance: string): InstanceHealth | undefined {
    return this.#standings.get(instance)?.found
  }

  /** From now on the answers of an agent's instance are timed by `now`, monotonic ms; undefined: no longer. */
  timed(instance: string, now: (() => number) | undefined): void {
    const standing = this.#standing(instance)
    standing.now = now
    for (const owner of standing.owners) owner.now = now
  }

  /**
   * What an agent's instance has had to do by the names that it registered: one load for each connection of it, and one for what is not
   * registered any more. Their sum never shrinks, over all incarnations.
   */
  loads(instance: string): InstanceLoad[] {
    const standing = this.#standings.get(instance)
    if (standing === undefined) return []
    const loads = Array.from(standing.owners, (owner) => this.#core.registry.load(owner))
    return standing.past.isEmpty ? loads : [...loads, standing.past.load]
  }

  /** Its instances end with it. */
  leave(connection: Connection): void {
    const owner = this.#owners.get(connection)
    if (owner === undefined) return
    this.#owners.delete(connection)
    owner.standing?.owners.delete(owner)
    this.#core.registry.leave(owner)
  }

  /** What it registered, as it would register it again. */
  registrationsOf(connection: Connection): MovedRegistration[] {
    const owner = this.#owners.get(connection)
    if (owner === undefined) return []
    return this.#core.registry.owned(owner).map(({ said, info: { kind, name, version, instance, capabilities, metadata, endpoints, weight, health } }) => ({ registration: { kind, name, version, instance, capabilities, metadata, endpoints, weight, health: said }, health, isAsked: owner.asked.has(name) }))
  }

  /** Registers again what was registered in another process of the broker. @throws BrokerError `permission.denied`, `registry.*` */
  arrived(connection: Connection, { registration, isAsked }: Omit<MovedRegistration, 'health'>): void {
    const { owner } = this.#register(connection, registration)
    if (isAsked) owner.asked.add(registration.name)
  }

  /** Its link, or its subscriptions to its names, came or went. */
  reach(connection: Connection): void {
    const owner = this.#owners.get(connection)
    if (owner !== undefined) this.#core.registry.reach(owner)
  }

  /** Its permissions have changed: names under which it may not answer any more end. */
  judgeAgain(connection: Connection): void {
    const owner = this.#owners.get(connection)
    if (owner === undefined) return
    for (const handle of this.#core.registry.owned(owner)) {
      try {
        this.check(connection.permissions!, handle.info.name)
      } catch (error) {
        this.#core.log.info({ client: connection.client, name: handle.info.name, code: BrokerError.from(error).code }, 'a registration ends: its permission was taken back')
        handle.end()
      }
    }
  }

  #standing(instance: string): Standing {
    const standing = this.#standings.get(instance) ?? { found: undefined, now: undefined, owners: new Set(), past: new PastLoad() }
    this.#standings.set(instance, standing)
    return standing
  }

  #ownAgent({ instance, isInstanceLink }: Connection): OwnAgent | undefined {
    return isInstanceLink && instance !== undefined ? this.ownAgent(instance) : undefined
  }

  // Where the protocol has no word for being the agent, its connections stand beside each other: the first to register has the id.
  #hasOther({ agent, number }: Connection, { name, instance }: OwnAgent): boolean {
    if (agent !== undefined) return false
    const others = [...(this.#standings.get(instance)?.owners ?? [])].filter((owner) => owner.number !== number)
    return others.some((owner) => this.#core.registry.owned(owner, name).some(({ info }) => info.instance === instance))
  }

  #register(connection: Connection, asked: Registration): { readonly owner: ConnectionOwner; readonly handle: RegistrationHandle } {
    this.check(connection.permissions!, asked.name)
    const own = this.#ownAgent(connection)
    // Under the agent's name it is an agent, and known by its own id: whoever supervises it finds it by that.
    const registration: Registration = own?.name === asked.name ? { kind: 'agent', ...(this.#hasOther(connection, own) ? {} : { instance: own.instance }), ...asked } : asked
    // What is found, is found of the process of this broker and not of the one that makes room for it.
    const standing = own && !connection.isFormer ? this.#standing(own.instance) : undefined
    const owner = this.#owners.get(connection) ?? new ConnectionOwner(connection, standing)
    const handle = this.#core.registry.register(owner, registration)
    this.#owners.set(connection, owner)
    standing?.owners.add(owner)
    return { owner, handle }
  }

  // Nobody asked for it, so that it cannot be is no reason to let nobody in.
  #offer(connection: Connection, registration: Registration): void {
    try {
      if (REGISTERED_NAME.pattern.test(registration.name)) this.#register(connection, registration)
    } catch (error) {
      const { code, message } = BrokerError.from(error)
      this.#core.log.info({ client: connection.client, name: registration.name, code }, message)
    }
  }
}

// What the handshake says of it already.
function describe({ device }: Connection): Omit<Registration, 'name'> {
  if (device === undefined) return {}
  const { nodeType, version, capabilities } = device
  return {
    ...(version !== undefined && SEMANTIC_VERSION.test(version) ? { version } : {}),
    capabilities,
    metadata: nodeType === undefined ? {} : { nodeType },
  }
}
