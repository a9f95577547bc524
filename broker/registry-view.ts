// The registry as the broker's methods see it: what callers register of themselves, and what anybody may find.

import type { RegistryView } from './api/registry-methods.ts'
import type { Caller } from './api/caller.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { SERVICE_PREFIX, type InstanceHealth, type InstanceInfo, type Negotiated, type Registration, type RegistrationUpdate, type RegistryAnswer, type RegistryQuery } from './ground/registry.ts'
import type { OwnRegistration, ServiceInfo } from './ground/registry-api.ts'
import { negotiate } from './registry/negotiation.ts'

/** What the instances of one answer say of themselves: it is encoded in one turn. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const MAX_SHOWN = 10_000

export class RegistrationView implements RegistryView {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  register(registration: Registration, caller: Caller): InstanceInfo {
    return this.#core.registering.register(this.#connection(caller), registration).info
  }

  update({ name, instance }: OwnRegistration, changes: RegistrationUpdate, caller: Caller): InstanceInfo {
    const handle = this.#core.registering.registered(this.#connection(caller), name, instance)
    handle.update(changes)
    return handle.info
  }

  deregister({ name, instance }: OwnRegistration, caller: Caller): { readonly ended: string } {
    const handle = this.#core.registering.registered(this.#connection(caller), name, instance)
    const ended = handle.info.instance
    handle.end()
    return { ended }
  }

  list(query: RegistryQuery): RegistryAnswer {
    return this.#core.registry.find(query, MAX_ANSWER_BYTES)
  }

  show(name: string): ServiceInfo {
    const service = this.#core.registry.service(name)
    if (service === undefined) throw this.#unknown(name)
    const { instances, total } = this.#core.registry.find({ name, limit: MAX_SHOWN }, MAX_ANSWER_BYTES)
    let healthy = 0
    for (const { health, sink } of service.instances.values()) if (sink !== undefined && health === 'healthy') healthy++
    return { name, subject: SERVICE_PREFIX + name, balancing: service.balancing, healthy, total, instances }
  }

  negotiate(capability: string): Negotiated {
    const { registry, settings } = this.#core
    const { capabilities } = settings.registry
    return negotiate(capability, Object.hasOwn(capabilities, capability) ? capabilities[capability] : undefined, registry.find({ capability, limit: Infinity }).instances)
  }

  setHealth(name: string, instance: string, health: InstanceHealth | undefined, caller: Caller): InstanceInfo {
    const handle = this.#core.registry.instance(name, instance)
    if (handle === undefined) throw this.#unknown(this.#core.registry.service(name) === undefined ? name : `${name}" with the instance id "${instance}`)
    const { principal, connection, client } = caller
    this.#core.audit.record('registry.health', principal, { connection, client, name, instance, health: health ?? 'as it says itself' })
    handle.observe(health)
    return handle.info
  }

  #unknown(name: string): BrokerError {
    const similar = this.#core.registry.similar(name)
    return new BrokerError('registry.unknown', { name, suggestion: similar === undefined ? '' : `; did you mean ${similar}?` })
  }

  // It called a method a moment ago; methods that wait may outlive it.
  #connection({ connection: id }: Caller): Connection {
    const connection = this.#core.directory.number(Number(id.slice('conn-'.length)))
    if (connection?.isPresent !== true) throw new BrokerError('connection.closed')
    return connection
  }
}
