// A name of registered instances as the address of a request.

import { SERVICE_PREFIX } from '../broker/ground/registry.ts'
import type { PublishOptions } from './operation-options.ts'

/** One of the instances of a name: the broker chooses which. */
export interface ServiceAddress {
  readonly service: string
  /** Only instances in this range of semantic versions, such as `^2`. */
  readonly version?: string
  /** Requests with the same key go to the same instance as long as it is there. */
  readonly affinity?: string
}

/** A subject, or a name. */
export type Address = string | ServiceAddress

export function subjectOf(address: Address): string {
  return typeof address === 'string' ? address : SERVICE_PREFIX + address.service
}

/** The options with what the address asks of the choice. */
export function addressed<O extends PublishOptions>(address: Address, options: O): O {
  if (typeof address === 'string') return options
  const { version, affinity } = address
  if (version === undefined && affinity === undefined) return options
  return { ...options, headers: { ...options.headers, ...(version === undefined ? {} : { version }), ...(affinity === undefined ? {} : { affinity }) } }
}
