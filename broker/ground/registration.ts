// Reads what an instance says of itself, out of a hello, a method's params or a configuration. Knows no registry.

import type { Fields } from './fields.ts'
import { instanceHealths, instanceKinds, type Endpoint, type Registration, type RegistrationUpdate } from './registry.ts'

export const REGISTERED_NAME = { max: 128, pattern: /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, hint: 'a name of 1 to 128 of A-Z a-z 0-9 . _ -, without an empty part between dots' }
export const INSTANCE_ID = { max: 133, pattern: /^[A-Za-z0-9._-]{1,128}(?:\/[1-9]\d{0,3})?$/, hint: 'an instance id of 1 to 128 of A-Z a-z 0-9 . _ -, or that of an instance of an agent, such as weather/2' }
/** What a capability may come from. */
export const INSTANCE_PROVIDER = /^(?:host|cloud|(?:node|agent|service):[A-Za-z0-9_.-]{1,128})$/
const SHORT = { max: 128 }
const VERSION = { max: 64 }
const URL_TEXT = { max: 1024 }
const SUBJECT = { max: 255 }
const MAX_CAPABILITIES = 64
const MAX_METADATA = 64
const MAX_VALUE = 1024
const MAX_ENDPOINTS = 32
const MAX_WEIGHT = 1000

/** @throws what `fields` was made with, for each field that is wrong */
export function readRegistration(fields: Fields): Registration {
  const kind = fields.choice('kind', instanceKinds)
  const instance = fields.text('instance', INSTANCE_ID)
  return {
    name: readName(fields),
    ...(kind === undefined ? {} : { kind }),
    ...(instance === undefined ? {} : { instance }),
    ...readChanges(fields),
  }
}

/** The same but for what cannot change. */
export function readChanges(fields: Fields): RegistrationUpdate {
  const changes = {
    version: fields.text('version', VERSION),
    capabilities: fields.texts('capabilities', MAX_CAPABILITIES, SHORT),
    metadata: readMetadata(fields),
    endpoints: readEndpoints(fields),
    weight: fields.integer('weight', 1, MAX_WEIGHT),
    health: fields.choice('health', instanceHealths),
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

export function readName(fields: Fields): string {
  fields.required('name', REGISTERED_NAME)
  return fields.text('name', REGISTERED_NAME)!
}

/** Keys with values that are texts; undefined when absent. */
export function readMetadata(fields: Fields): Readonly<Record<string, string>> | undefined {
  return fields.entries('metadata', MAX_METADATA, SHORT.max, MAX_VALUE)
}

function readEndpoints(fields: Fields): Endpoint[] | undefined {
  return fields.maps('endpoints', MAX_ENDPOINTS)?.map((endpoint) => {
    const subject = endpoint.text('subject', SUBJECT)
    const url = endpoint.text('url', URL_TEXT)
    return { name: endpoint.required('name', SHORT), ...(subject === undefined ? {} : { subject }), ...(url === undefined ? {} : { url }) }
  })
}
