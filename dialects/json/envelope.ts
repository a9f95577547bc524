// Reads envelopes: JSON objects with the members of docs/protocol.md section 7, each checked. Knows no connection.

import { BrokerError } from '../../broker/ground/errors.ts'

const SECONDS_BELOW = 1e11
const MAX_TIMEOUT_MS = 0xffff_ffff

/** A line from a client, decoded and checked. */
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
  readonly wantsReceipt: boolean
  readonly group: string | undefined
  readonly filter: string | undefined
  readonly subscription: number | undefined
}

const text = new TextDecoder('utf-8', { fatal: true })

/**
 * The text of a line.
 * @throws BrokerError `envelope.malformed`
 */
export function lineText(line: Uint8Array): string {
  try {
    return text.decode(line)
  } catch (error) {
    throw new BrokerError('envelope.malformed', { problem: 'the line is not valid UTF-8' }, { cause: error })
  }
}

/**
 * The envelope that a line is.
 * @throws BrokerError `envelope.malformed` naming the member that is wrong
 */
export function parseEnvelope(line: string): Envelope {
  const members = parseObject(line)
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
    wantsReceipt: read.flag('receipt') ?? false,
    group: read.text('group'),
    filter: read.text('filter'),
    subscription: read.number('subscription', 1, 2 ** 31 - 1),
  }
}

class Members {
  readonly #members: Readonly<Record<string, unknown>>

  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members
  }

  text(name: string): string | undefined {
    return this.#read(name, 'a text', (value): value is string => typeof value === 'string' && value !== '')
  }

  flag(name: string): boolean | undefined {
    return this.#read(name, 'true or false', (value): value is boolean => typeof value === 'boolean')
  }

  id(name: string): string | number | undefined {
    return this.#read(name, 'a text of at most 256 characters or an integer', (value): value is string | number => (typeof value === 'string' && value.length <= 256) || Number.isSafeInteger(value))
  }

  number(name: string, min: number, max: number): number | undefined {
    return this.#read(name, `a number of ${min}..${max}`, (value): value is number => typeof value === 'number' && value >= min && value <= max)
  }

  map(name: string): Readonly<Record<string, unknown>> | undefined {
    return this.#read(name, 'an object', isObject)
  }

  #read<T>(name: string, expected: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.#members[name]
    if (value === undefined || value === null) return undefined
    if (is(value)) return value
    throw malformed(`${name} must be ${expected}`)
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw malformed(`the line is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isObject(value)) throw malformed('the line must be a JSON object')
  return value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function missing(name: string): never {
  throw malformed(`${name} is missing`)
}

export function malformed(problem: string): BrokerError {
  return new BrokerError('envelope.malformed', { problem })
}
