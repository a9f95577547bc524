// The registry: instances by name and capability, as long as their owners are there. Tells who watches of each change.

import type Range from 'semver/classes/range.js'
import { BrokerError } from '../ground/errors.ts'
import { nearest } from '../ground/nearest.ts'
import { SERVICE_PREFIX, type Hold, type InstanceHealth, type InstanceLoad, type InstanceOwner, type Registration, type RegistrationHandle, type RegistrationUpdate, type RegistryAnswer, type RegistryEvent, type RegistryEventKind, type RegistryQuery } from '../ground/registry.ts'
import type { RegistrySettings } from '../ground/registry-settings.ts'
import { Holds } from './holds.ts'
import { Instance } from './instance.ts'
import type { VersionWeight } from './pool.ts'
import { Service } from './service.ts'
import { registrationBytes } from './registration-bytes.ts'
import { readRange } from './version.ts'

/** Instances of one connection: each takes memory here, and a connection costs its client little. */
const MAX_PER_OWNER = 4096
/** What one instance may say of itself; every answer and event that has it is as large. */
const MAX_REGISTRATION_BYTES = 16 * 1024
/** What the instances of one connection may say together: 4096 with 1 KiB each. */
const MAX_OWNER_BYTES = 4 * 1024 * 1024
const DEFAULT_LIMIT = 1000
/** Share of the versions that no range of the configuration names. */
const OTHERS_WEIGHT = 100

interface Owned {
  readonly instances: Set<Instance>
  bytes: number
}

interface RegistryOptions {
  readonly settings: RegistrySettings
  readonly wallMs: () => number
  /** A name has its first instance, or has lost its last. */
  readonly onNames: (name: string) => void
}

interface RegistryCounts {
  readonly services: number
  readonly instances: number
  readonly healthy: number
}

export class Registry {
  readonly #options: RegistryOptions
  readonly #services = new Map<string, Service>()
  readonly #byCapability = new Map<string, Set<Instance>>()
  readonly #byOwner = new Map<InstanceOwner, Owned>()
  readonly #watchers = new Set<(event: RegistryEvent) => void>()
  readonly #holds = new Holds()
  #size = 0
  /** Those that get requests. */
  #healthy = 0
  #revision = 0

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#size
  }

  get counts(): RegistryCounts {
    return { services: this.#services.size, instances: this.#size, healthy: this.#healthy }
  }

  /**
   * Registers an instance until its owner leaves. One of the same principal that has its name and id makes room. What that
   * name and id is held for holds for it too.
   * @throws BrokerError `registry.instance_taken`, `registry.invalid`, `registry.limit`, `registry.bad_version`
   */
  register(owner: InstanceOwner, registration: Registration): RegistrationHandle {
    const instance = new Instance(owner, registration, this.#options.wallMs())
    const { name } = instance
    const before = this.#services.get(name)?.instances.get(instance.instance)
    if (before !== undefined && before.owner.principal !== owner.principal) throw new BrokerError('registry.instance_taken', { name, instance: instance.instance })
    this.#checkBytes(owner, instance.bytes, before?.owner === owner ? before.bytes : 0)
    if (before === undefined) this.#checkLimits(owner)
    else this.#remove(before)
    instance.observe(this.#holds.get(name, instance.instance))
    let service = this.#services.get(name)
    if (service === undefined) {
      service = new Service(name, this.#balanceOf(name))
      this.#services.set(name, service)
      this.#options.onNames(name)
    }
    this.#size++
    const own = this.#byOwner.get(owner) ?? { instances: new Set(), bytes: 0 }
    own.instances.add(instance)
    own.bytes += instance.bytes
    this.#byOwner.set(owner, own)
    this.#index(instance)
    service.place(instance)
    this.#tell('joined', instance)
    return this.#handle(instance)
  }

  /** The instance of that name and id; undefined: it is not registered. */
  instance(name: string, instance: string): RegistrationHandle | undefined {
    const found = this.#services.get(name)?.instances.get(instance)
    return found && this.#handle(found)
  }

  /** Those of an owner, of one name or all. */
  owned(owner: InstanceOwner, name?: string): RegistrationHandle[] {
    const own = [...(this.#byOwner.get(owner)?.instances ?? [])]
    return own.filter((instance) => name === undefined || instance.name === name).map((instance) => this.#handle(instance))
  }

  /** Its instances end. */
  leave(owner: InstanceOwner): void {
    for (const instance of this.#byOwner.get(owner)?.instances ?? []) this.#remove(instance)
  }

  /** Where its instances are delivered to may have changed. */
  reach(owner: InstanceOwner): void {
    for (const instance of this.#byOwner.get(owner)?.instances ?? []) {
      const sink = owner.sinkFor(SERVICE_PREFIX + instance.name)
      if (sink === instance.sink) continue
      const wasReachable = instance.sink !== undefined
      instance.sink = sink
      this.#services.get(instance.name)!.place(instance)
      if (wasReachable !== (sink !== undefined)) this.#tell('updated', instance)
    }
  }

  /** What instances are held for, whether they are there or not. */
  get holds(): readonly Hold[] {
    return this.#holds.all
  }

  /** What instances were held for in another process of the broker holds here, from their first moment. Before the first is registered. */
  hold(holds: readonly Hold[]): void {
    for (const { name, instance, health } of holds) this.#holds.set(name, instance, health)
  }

  /** What its instances have had to do, together. */
  load(owner: InstanceOwner): InstanceLoad {
    const load = { outstanding: 0, failures: 0, answered: 0, unanswered: 0, tookMs: 0 }
    for (const { outstanding, failures, answered, unanswered, tookMs } of this.#byOwner.get(owner)?.instances ?? []) {
      load.outstanding += outstanding
      load.failures += failures
      load.answered += answered
      load.unanswered += unanswered
      load.tookMs += tookMs
    }
    return load
  }

  /** `change` is to something by which the health of its instances is known. */
  judge(owner: InstanceOwner, change: () => void): void {
    const before = Array.from(this.#byOwner.get(owner)?.instances ?? [], (instance) => ({ instance, health: instance.health }))
    change()
    for (const { instance, health } of before) {
      if (instance.health === health) continue
      this.#services.get(instance.name)!.place(instance)
      this.#tell('health', instance)
    }
  }

  /**
   * Cut short by the query's `limit`, and where the next instance would make them say more than `maxBytes` of themselves.
   * @throws BrokerError `registry.bad_version`
   */
  find(query: RegistryQuery = {}, maxBytes = Infinity): RegistryAnswer {
    const { name, capability, version, limit = DEFAULT_LIMIT } = query
    const range = version === undefined ? undefined : readRange(version)
    const instances = []
    let [total, bytes] = [0, 0]
    for (const instance of this.#candidates(name, capability)) {
      if (!matches(instance, query, range) || total++ >= limit) continue
      bytes += instance.bytes
      if (bytes <= maxBytes) instances.push(instance.info)
    }
    return { instances, total, revision: this.#revision }
  }

  /** The name nearest to one that is not there; undefined: none is near. */
  similar(name: string): string | undefined {
    return nearest(name, this.#services.keys())
  }

  /** What requests to the name go to; undefined: nobody has it. */
  service(name: string): Service | undefined {
    return this.#services.get(name)
  }

  /** Told of each change from now on, after it; returns what ends that. */
  watch(listener: (event: RegistryEvent) => void): () => void {
    this.#watchers.add(listener)
    return () => this.#watchers.delete(listener)
  }

  #candidates(name: string | undefined, capability: string | undefined): Iterable<Instance> {
    if (name !== undefined) return this.#services.get(name)?.instances.values() ?? []
    return capability === undefined ? this.#everyInstance() : (this.#byCapability.get(capability) ?? [])
  }

  *#everyInstance(): Iterable<Instance> {
    for (const { instances } of this.#services.values()) yield* instances.values()
  }

  #checkLimits(owner: InstanceOwner): void {
    const { maxInstances } = this.#options.settings
    if (this.#size >= maxInstances) throw new BrokerError('registry.limit', { limit: maxInstances, what: 'instances', where: 'in all (registry.maxInstances)' })
    if ((this.#byOwner.get(owner)?.instances.size ?? 0) >= MAX_PER_OWNER) throw new BrokerError('registry.limit', { limit: MAX_PER_OWNER, what: 'instances', where: 'by this connection' })
  }

  /** Of `owner`, which has `freed` less then. */
  #checkBytes(owner: InstanceOwner, bytes: number, freed: number): void {
    if (bytes > MAX_REGISTRATION_BYTES) throw new BrokerError('registry.invalid', { problem: `what it says of itself takes ${bytes} bytes, ${MAX_REGISTRATION_BYTES} may be; shorten capabilities, metadata or endpoints` })
    if ((this.#byOwner.get(owner)?.bytes ?? 0) - freed + bytes > MAX_OWNER_BYTES) throw new BrokerError('registry.limit', { limit: MAX_OWNER_BYTES, what: 'bytes', where: 'by this connection' })
  }

  #balanceOf(name: string): { balancing: RegistrySettings['balancing']; weights: readonly VersionWeight[] } {
    const { balancing, services } = this.#options.settings
    const own = Object.hasOwn(services, name) ? services[name] : undefined
    const weights = Object.entries(own?.weights ?? {}).map(([range, weight]) => ({ range: readRange(range), weight }))
    return { balancing: own?.balancing ?? balancing, weights: [...weights, { range: undefined, weight: OTHERS_WEIGHT }] }
  }

  #handle(instance: Instance): RegistrationHandle {
    return {
      get info() {
        return instance.info
      },
      get said() {
        return instance.said
      },
      get isRegistered() {
        return instance.isRegistered
      },
      update: (changes) => this.#update(instance, changes),
      observe: (health) => this.#observe(instance, health),
      end: () => this.#remove(instance),
    }
  }

  #update(instance: Instance, changes: RegistrationUpdate): void {
    if (!instance.isRegistered) throw new BrokerError('registry.not_registered', { name: instance.name, instance: instance.instance })
    const { health } = instance
    const { health: _, ...others } = changes
    const { name, owner, bytes } = instance
    const { capabilities = instance.capabilities, metadata = instance.metadata, endpoints = instance.endpoints } = changes
    // Looked at before anything is changed: a refused one leaves the index as it was.
    this.#checkBytes(owner, registrationBytes({ name, instance: instance.instance, capabilities, metadata, endpoints }), bytes)
    instance.change({ version: changes.version ?? instance.version.raw })
    this.#unindex(instance)
    instance.change(changes)
    this.#index(instance)
    this.#byOwner.get(owner)!.bytes += instance.bytes - bytes
    this.#services.get(name)!.place(instance)
    if (Object.keys(others).length > 0) this.#tell('updated', instance)
    if (instance.health !== health) this.#tell('health', instance)
  }

  #observe(instance: Instance, seen: InstanceHealth | undefined): void {
    if (!instance.isRegistered) return
    const { health } = instance
    this.#holds.set(instance.name, instance.instance, seen)
    instance.observe(seen)
    if (instance.health === health) return
    this.#services.get(instance.name)!.place(instance)
    this.#tell('health', instance)
  }

  #remove(instance: Instance): void {
    if (!instance.isRegistered) return
    instance.isRegistered = false
    this.#size--
    const { name, owner } = instance
    const own = this.#byOwner.get(owner)!
    own.instances.delete(instance)
    own.bytes -= instance.bytes
    if (own.instances.size === 0) this.#byOwner.delete(owner)
    owner.removed?.(instance)
    this.#unindex(instance)
    const service = this.#services.get(name)!
    service.remove(instance)
    if (service.instances.size === 0) {
      this.#services.delete(name)
      this.#options.onNames(name)
    }
    this.#tell('left', instance)
  }

  #index(instance: Instance): void {
    for (const capability of instance.capabilities) {
      const having = this.#byCapability.get(capability)
      if (having === undefined) this.#byCapability.set(capability, new Set([instance]))
      else having.add(instance)
    }
  }

  #unindex(instance: Instance): void {
    for (const capability of instance.capabilities) {
      const having = this.#byCapability.get(capability)
      if (having?.delete(instance) === true && having.size === 0) this.#byCapability.delete(capability)
    }
  }

  #count(instance: Instance): void {
    const isUp = instance.isRegistered && instance.sink !== undefined && instance.health === 'healthy'
    if (isUp === instance.isUp) return
    instance.isUp = isUp
    this.#healthy += isUp ? 1 : -1
  }

  #tell(event: RegistryEventKind, instance: Instance): void {
    instance.revision = ++this.#revision
    this.#count(instance)
    if (this.#watchers.size === 0) return
    const told: RegistryEvent = { event, instance: instance.info, revision: this.#revision }
    for (const watcher of this.#watchers) watcher(told)
  }
}

function matches(instance: Instance, { name, kind, capability, metadata, health }: RegistryQuery, range: Range | undefined): boolean {
  if (name !== undefined && instance.name !== name) return false
  if (kind !== undefined && instance.kind !== kind) return false
  if (health !== undefined && instance.health !== health) return false
  if (range !== undefined && !range.test(instance.version)) return false
  if (capability !== undefined && !instance.capabilities.includes(capability)) return false
  return metadata === undefined || Object.entries(metadata).every(([key, value]) => Object.hasOwn(instance.metadata, key) && instance.metadata[key] === value)
}
