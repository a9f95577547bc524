// Reads envelopes: JSON objects with the members of docs/protocol.md section 7, each checked. Knows no connection.

import { BrokerError } from '../../broker/ground/errors.ts'
import { isOwnId } from './own-names.ts'

const SECONDS_BELOW = 1e11
const MAX_TIMEOUT_MS = 0xffff_ffff
const MAX_TTL_MS = 2 ** 31 - 1

/** A message from a client, decoded and checked. */
export interface Envelope {
  readonly type: string
  readonly id: string | number | undefined
  readonly ref: string | number | undefined
  readonly channel: string | undefined
  readonly subject: string | undefined
  readonly payload: unknown
  readonly hasPayload: boolean
  readonly headers: Readonly<Record<string, unknown>> | undefined
  readonly sender: string | undefined
  /** The sender's own clock, ms since the epoch. */
  readonly sentAt: number | undefined
  /** 0 = the broker's default. ms */
  readonly timeoutMs: number
  readonly isMany: boolean
  /** `accepted`: how many it goes to; `delivered`: what became of each of them, told when all is known. */
  readonly receipt: 'accepted' | 'delivered' | undefined
  /** Dropped as expired when it was not delivered by then. ms */
  readonly ttlMs: number | undefined
  readonly group: string | undefined
  readonly filter: string | undefined
  /** It wants the messages of a queue; the broker says what it thinks of that. */
  readonly isConsuming: boolean
  readonly subscription: number | undefined
}

const text = new TextDecoder('utf-8', { fatal: true })

/**
 * The text of a line or message.
 * @throws BrokerError `envelope.malformed`
 */
export function lineText(line: Uint8Array): string {
  try {
    return text.decode(line)
  } catch (error) {
    throw new BrokerError('envelope.malformed', { problem: 'it is not valid UTF-8' }, { cause: error })
  }
}

/** The members of a JSON object, not checked. */
export type ObjectMembers = Readonly<Record<string, unknown>>

/**
 * The members of the object that a text is.
 * @throws BrokerError `envelope.malformed`
 */
export function parseMembers(json: string): ObjectMembers {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw malformed(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isObject(value)) throw malformed('it must be a JSON object')
  return value
}

/**
 * The envelope that an object is.
 * @throws BrokerError `envelope.malformed` naming the member that is wrong
 */
export function readEnvelope(members: ObjectMembers): Envelope {
  const read = new Members(members)
  const version = members['version']
  if (version !== undefined && version !== '1.0') throw malformed('version must be "1.0"')
  const timestamp = read.number('timestamp', 0, Number.MAX_SAFE_INTEGER)
  return {
    type: read.text('type') ?? missing('type'),
    id: read.id('id'),
    ref: read.id('ref'),
    channel: read.text('channel'),
    subject: read.text('subject'),
    payload: members['payload'],
    hasPayload: members['payload'] !== undefined,
    headers: read.map('headers'),
    sender: read.text('sender'),
    sentAt: timestamp === undefined ? undefined : Math.round(timestamp < SECONDS_BELOW ? timestamp * 1000 : timestamp),
    timeoutMs: Math.ceil(read.number('timeout', 0, MAX_TIMEOUT_MS) ?? 0),
    isMany: read.flag('many') ?? false,
    receipt: read.receipt('receipt'),
    ttlMs: read.integer('ttl', 1, MAX_TTL_MS),
    group: read.text('group'),
    filter: read.text('filter'),
    isConsuming: read.flag('consume') ?? false,
    subscription: read.number('subscription', 1, 2 ** 31 - 1),
  }
}

class Members {
  readonly #members: ObjectMembers

  constructor(members: ObjectMembers) {
    this.#members = members
  }

  text(name: string): string | undefined {
    return this.#read(name, 'a text', (value): value is string => typeof value === 'string' && value !== '')
  }

  flag(name: string): boolean | undefined {
    return this.#read(name, 'true or false', (value): value is boolean => typeof value === 'boolean')
  }

  id(name: string): string | number | undefined {
    return this.#read(name, 'a text of at most 256 characters or an integer', isOwnId)
  }

  number(name: string, min: number, max: number): number | undefined {
    return this.#read(name, `a number of ${min}..${max}`, (value): value is number => typeof value === 'number' && value >= min && value <= max)
  }

  integer(name: string, min: number, max: number): number | undefined {
    return this.#read(name, `an integer of ${min}..${max}`, (value): value is number => Number.isInteger(value) && (value as number) >= min && (value as number) <= max)
  }

  map(name: string): ObjectMembers | undefined {
    return this.#read(name, 'an object', isObject)
  }

  receipt(name: string): 'accepted' | 'delivered' | undefined {
    const value = this.#read(name, 'true, false, "accepted" or "delivered"', (each) => typeof each === 'boolean' || each === 'accepted' || each === 'delivered')
    return value === true ? 'accepted' : value === false ? undefined : value
  }

  #read<T>(name: string, expected: string, is: (value: unknown) => value is T): T | undefined
  #read(name: string, expected: string, is: (value: unknown) => boolean): unknown
  #read(name: string, expected: string, is: (value: unknown) => boolean): unknown {
    const value = this.#members[name]
    if (value === undefined || value === null) return undefined
    if (is(value)) return value
    throw malformed(`${name} must be ${expected}`)
  }
}

export function isObject(value: unknown): value is ObjectMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function missing(name: string): never {
  throw malformed(`${name} is missing`)
}

export function malformed(problem: string): BrokerError {
  return new BrokerError('envelope.malformed', { problem })
}
