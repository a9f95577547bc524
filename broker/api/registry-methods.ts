// The methods of the registry: who may call each, what it takes, what it answers.

import { BrokerError } from '../ground/errors.ts'
import type { Fields } from '../ground/fields.ts'
import { INSTANCE_ID, readChanges, readMetadata, readName, readRegistration } from '../ground/registration.ts'
import { instanceHealths, instanceKinds, type InstanceHealth, type InstanceInfo, type Negotiated, type Registration, type RegistrationUpdate, type RegistryAnswer, type RegistryQuery } from '../ground/registry.ts'
import type { OwnRegistration, RegistryMethods, ServiceInfo } from '../ground/registry-api.ts'
import type { Caller } from './caller.ts'

/** What the methods ask of the registry. What belongs to a connection is the caller's. */
export interface RegistryView {
  /** @throws BrokerError `permission.denied`, `registry.*` */
  register(registration: Registration, caller: Caller): InstanceInfo
  /** @throws BrokerError `registry.not_registered`, `registry.bad_version` */
  update(own: OwnRegistration, changes: RegistrationUpdate, caller: Caller): InstanceInfo
  /** @throws BrokerError `registry.not_registered` */
  deregister(own: OwnRegistration, caller: Caller): { readonly ended: string }
  /** @throws BrokerError `registry.bad_version` */
  list(query: RegistryQuery): RegistryAnswer
  /** @throws BrokerError `registry.unknown` */
  show(name: string): ServiceInfo
  /** @throws BrokerError `registry.no_provider` */
  negotiate(capability: string): Negotiated
  /** @throws BrokerError `registry.unknown` */
  setHealth(name: string, instance: string, health: InstanceHealth | undefined, caller: Caller): InstanceInfo
}

interface RegistryMethod<Answer> {
  /** As in methods.ts. */
  readonly isOpen: boolean
  readonly run: (view: { readonly registry: RegistryView }, params: Fields, caller: Caller) => Answer
}

const SHORT = { max: 128 }
const RANGE = { max: 256 }
const MAX_LIMIT = 10_000

export const registryMethods: { readonly [M in keyof RegistryMethods]: RegistryMethod<RegistryMethods[M][1]> } = {
  'registry.register': { isOpen: true, run: ({ registry }, params, caller) => registry.register(readRegistration(params), caller) },
  'registry.update': { isOpen: true, run: ({ registry }, params, caller) => registry.update(readOwn(params), readChanges(params), caller) },
  'registry.deregister': { isOpen: true, run: ({ registry }, params, caller) => registry.deregister(readOwn(params), caller) },
  'registry.list': { isOpen: true, run: ({ registry }, params) => registry.list(readQuery(params)) },
  'registry.show': { isOpen: true, run: ({ registry }, params) => registry.show(readName(params)) },
  'registry.negotiate': { isOpen: true, run: ({ registry }, params) => registry.negotiate(params.required('capability', SHORT)) },
  'registry.health': { isOpen: false, run: ({ registry }, params, caller) => registry.setHealth(readName(params), requiredInstance(params), params.choice('health', instanceHealths), caller) },
}

function readOwn(params: Fields): OwnRegistration {
  const instance = params.text('instance', INSTANCE_ID)
  return { name: readName(params), ...(instance === undefined ? {} : { instance }) }
}

function requiredInstance(params: Fields): string {
  const instance = params.text('instance', INSTANCE_ID)
  if (instance === undefined) throw new BrokerError('method.bad_params', { method: 'registry.health', problem: 'params.instance is missing: whose health it is' })
  return instance
}

function readQuery(params: Fields): RegistryQuery {
  const query = {
    name: params.text('name', SHORT),
    kind: params.choice('kind', instanceKinds),
    version: params.text('version', RANGE),
    capability: params.text('capability', SHORT),
    metadata: readMetadata(params),
    health: params.choice('health', instanceHealths),
    limit: params.integer('limit', 1, MAX_LIMIT),
  }
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
}
