// The methods of the registry: what each takes and answers. Types only; docs/protocol.md section 5 is the contract.

import type { InstanceHealth, InstanceInfo, Negotiated, Registration, RegistrationUpdate, RegistryAnswer, RegistryQuery } from './registry.ts'
import type { Balancing } from './registry-settings.ts'

/** Which of its registrations a connection means: `instance` may be left out where it has one of that name. */
export interface OwnRegistration {
  readonly name: string
  readonly instance?: string
}

/** All instances of one name. */
export interface ServiceInfo {
  readonly name: string
  /** Where requests to it are sent. */
  readonly subject: string
  readonly balancing: Balancing
  /** Those that get requests, beside all that there are. */
  readonly healthy: number
  /** At most 10,000, and so many as say 8 MiB of themselves. */
  readonly instances: readonly InstanceInfo[]
  /** How many there are in all, beyond that too. */
  readonly total: number
}

export interface RegistryMethods {
  'registry.register': [Registration, InstanceInfo]
  'registry.update': [OwnRegistration & RegistrationUpdate, InstanceInfo]
  'registry.deregister': [OwnRegistration, { readonly ended: string }]
  'registry.list': [RegistryQuery, RegistryAnswer]
  'registry.show': [{ readonly name: string }, ServiceInfo]
  'registry.negotiate': [{ readonly capability: string }, Negotiated]
  /** What the broker holds an instance for, whatever it says itself; without `health`, nothing any more. */
  'registry.health': [{ readonly name: string; readonly instance: string; readonly health?: InstanceHealth }, InstanceInfo]
}
