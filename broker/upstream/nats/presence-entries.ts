// What stands in the buckets of presence: a broker's sign of life, and a client's place. Written and read here alone.

import type { PeerBroker, PresentClient } from '../../ground/presence.ts'
import type { BucketEntry } from './bucket-entry.ts'

/** One start of a broker; what an earlier start of it has written means nothing any more. */
export interface BrokerSign extends PeerBroker {
  readonly instance: string
}

/** A client's place, in a certain revision of its entry. */
export interface Place extends PresentClient {
  readonly broker: string
  readonly instance: string
  readonly revision: number
}

const ID = /^[\w-]{1,128}$/
const MAX_TEXT = 255

export function encodeSign({ broker, instance, name, host, pid, version }: BrokerSign): string {
  return JSON.stringify({ broker, instance, name, host, pid, version })
}

/** undefined for what is none; never throws. */
export function readSign({ key, value }: BucketEntry): BrokerSign | undefined {
  const { broker, instance, name, host, pid, version } = fieldsOf(value)
  if (!isId(broker) || broker !== key || !isId(instance) || !isText(name) || !isText(host) || typeof pid !== 'number' || !isText(version)) return undefined
  return { broker, instance, name, host, pid, version }
}

export function encodePlace(broker: string, instance: string, { principal, agent, session, sinceMs }: PresentClient): string {
  return JSON.stringify({ broker, instance, principal, ...(agent === undefined ? {} : { agent }), session, sinceMs })
}

/** undefined for what is none; never throws. */
export function readPlace({ key, value, revision }: BucketEntry): Place | undefined {
  const { broker, instance, principal, agent, session, sinceMs } = fieldsOf(value)
  if (!isId(key) || !isId(broker) || !isId(instance) || !isText(principal) || !(agent === undefined || isId(agent)) || !isId(session) || typeof sinceMs !== 'number') return undefined
  return { client: key, broker, instance, principal, agent, session, sinceMs, revision }
}

function fieldsOf(value: Uint8Array | undefined): Record<string, unknown> {
  try {
    const fields: unknown = value === undefined ? undefined : JSON.parse(Buffer.from(value).toString())
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT
}
