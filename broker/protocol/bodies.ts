// What clients may say in control frames, checked. Shared by all dialects.

import { BrokerError } from '../ground/errors.ts'
import { Fields } from '../ground/fields.ts'
import type { NatsAuth } from '../ground/nats-auth.ts'
import { readRegistration } from '../ground/registration.ts'
import type { Registration } from '../ground/registry.ts'
import { overflows, type Overflow } from '../ground/settings.ts'

export const PROTOCOL_VERSION = 1

const NAME = /^[A-Za-z0-9_-]+$/
const NAME_HINT = '1 to 128 of A-Z a-z 0-9 _ -'
// An agent, or one of its instances: weather/2.
const AGENT = /^[A-Za-z0-9_-]{1,128}(?:\/[1-9]\d{0,3})?$/
const AGENT_HINT = `${NAME_HINT}, and for an instance its number, such as weather/2`

/** `proof`: the MAC over the nonce of the broker's greeting and the client's own challenge. */
export type Auth =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'challenge'; readonly nonce: string }
  | { readonly kind: 'proof'; readonly mac: string }
  /** What a NATS client presents. */
  | { readonly kind: 'nats'; readonly presented: NatsAuth }

/** With what the broker greeted, where it speaks first. */
export interface Greeting {
  readonly nonce: string
  /** On the monotonic clock. */
  readonly sentAtMs: number
}

/** What a device says of itself; shown to others, decides nothing. */
export interface Device {
  readonly role: string | undefined
  readonly nodeType: string | undefined
  readonly version: string | undefined
  /** Language that its client library is written in. */
  readonly lang: string | undefined
  readonly capabilities: readonly string[]
}

export interface Hello {
  readonly client: string | undefined
  /** Nobody chose that id. */
  readonly isClientDefault: boolean
  readonly program: string | undefined
  readonly agent: string | undefined
  readonly principal: string
  readonly auth: Auth
  readonly echo: boolean
  /** 0: not watched. */
  readonly heartbeatMs: number
  /** The client's own challenge to a broker that greeted it. */
  readonly challenge: string | undefined
  readonly device: Device | undefined
  /** Ways to compress payloads that it reads. */
  readonly compression: readonly string[]
  /** One receipt may answer several messages. */
  readonly receiptRuns: boolean
  /** It can read memory of this host beside its link. */
  readonly sharedMemory: boolean
  /** It goes with its session to another process of the broker when it is told to. */
  readonly moves: boolean
  readonly flow: Flow
  /** For how long its session should outlive its link. ms, 0 = not */
  readonly sessionTtlMs: number
  readonly resume: Resume | undefined
  /** What it registers as, from the start. */
  readonly register: Registration | undefined
}

/** The session that a client had before, and how many frames of it it has got. */
export interface Resume {
  readonly session: string
  readonly secret: string
  readonly received: number
}

/** How a client wants to be treated when it does not keep up; undefined: as the broker is configured. */
export interface Flow {
  readonly overflow: Overflow | undefined
  /** May only lower what is configured. */
  readonly maxPendingBytes: number | undefined
  readonly maxPendingMessages: number | undefined
  /** It is told per subject how much it may send, and never paused as a whole. */
  readonly credit: boolean
}

/**
 * The body of `hello`.
 * @throws BrokerError `handshake.version` when no version is shared, `frame.malformed` for a wrong field
 */
export function readHello(body: unknown): Hello {
  const fields = new Fields('hello', body, malformed)
  const protocol = fields.map('protocol')
  const min = protocol?.integer('min', 0, 0xffff) ?? PROTOCOL_VERSION
  const max = protocol?.integer('max', 0, 0xffff) ?? PROTOCOL_VERSION
  if (min > PROTOCOL_VERSION || max < PROTOCOL_VERSION) throw new BrokerError('handshake.version', { min, max, brokerMin: PROTOCOL_VERSION, brokerMax: PROTOCOL_VERSION })
  return {
    client: fields.text('client', { max: 128, pattern: NAME, hint: NAME_HINT }),
    isClientDefault: fields.flag('clientDefault') ?? false,
    program: fields.text('program', { max: 128 }),
    agent: fields.text('agent', { max: 133, pattern: AGENT, hint: AGENT_HINT }),
    principal: fields.text('principal', { max: 128 }) ?? 'owner',
    auth: readAuth(fields),
    echo: fields.flag('echo') ?? true,
    heartbeatMs: fields.integer('heartbeatMs', 0, 3_600_000) ?? 0,
    challenge: fields.text('challenge', { max: 256 }),
    device: readDevice(fields.map('device')),
    compression: fields.texts('compression', MAX_COMPRESSIONS, { max: 32 }) ?? [],
    receiptRuns: fields.flag('receiptRuns') ?? false,
    sharedMemory: fields.flag('sharedMemory') ?? false,
    moves: fields.flag('moves') ?? false,
    flow: readFlow(fields.map('flow')),
    sessionTtlMs: fields.integer('sessionTtlMs', 0, MAX_SESSION_TTL_MS) ?? 0,
    resume: readResume(fields.map('resume')),
    register: readRegister(fields.map('register')),
  }
}

function readRegister(register: Fields | undefined): Registration | undefined {
  return register === undefined ? undefined : readRegistration(register)
}

function readResume(resume: Fields | undefined): Resume | undefined {
  if (resume === undefined) return undefined
  return { session: resume.required('session', { max: 64 }), secret: resume.required('secret', { max: 64 }), received: resume.integer('received', 0, Number.MAX_SAFE_INTEGER) ?? 0 }
}

/** How many frames of its session a client has got. */
export function readAck(body: unknown): number {
  const received = new Fields('ack', body, malformed).integer('received', 0, Number.MAX_SAFE_INTEGER)
  if (received === undefined) throw malformed('ack.received is missing: how many frames of the session came')
  return received
}

function readFlow(flow: Fields | undefined): Flow {
  return {
    overflow: flow?.choice('overflow', overflows),
    maxPendingBytes: flow?.integer('maxPendingBytes', MIN_PENDING_BYTES, Number.MAX_SAFE_INTEGER),
    maxPendingMessages: flow?.integer('maxPendingMessages', 1, Number.MAX_SAFE_INTEGER),
    credit: flow?.flag('credit') ?? false,
  }
}

const MAX_CAPABILITIES = 64
const MAX_SESSION_TTL_MS = 86_400_000
const MAX_COMPRESSIONS = 8
/** Lines of NATS are shorter. */
const MAX_JWT_LENGTH = 65_536
/** Below it the broker's own frames would hardly pass. */
const MIN_PENDING_BYTES = 64 * 1024

function readDevice(device: Fields | undefined): Device | undefined {
  if (device === undefined) return undefined
  const short = { max: 128 }
  return { role: device.text('role', short), nodeType: device.text('nodeType', short), version: device.text('version', short), lang: device.text('lang', short), capabilities: device.texts('capabilities', MAX_CAPABILITIES, short) ?? [] }
}

// Scripts may put the token beside the other fields.
function readAuth(hello: Fields): Auth {
  const auth = hello.map('auth')
  const nats = auth?.map('nats')
  if (nats !== undefined) return { kind: 'nats', presented: readNatsAuth(nats) }
  const token = hello.text('token', { max: 1024 }) ?? auth?.text('token', { max: 1024 })
  if (token !== undefined) return { kind: 'token', token }
  const mac = auth?.text('mac', { max: 128 })
  if (mac !== undefined) return { kind: 'proof', mac }
  const nonce = auth?.text('nonce', { max: 256 })
  return nonce === undefined ? { kind: 'none' } : { kind: 'challenge', nonce }
}

function readNatsAuth(nats: Fields): NatsAuth {
  const read = (key: keyof NatsAuth, max = 1024): string | undefined => nats.text(key, { max })
  return { user: read('user'), pass: read('pass'), token: read('token'), nkey: read('nkey'), jwt: read('jwt', MAX_JWT_LENGTH), sig: read('sig') }
}

export interface Proof {
  /** Which challenge it answers; undefined: the one of this connection. */
  readonly nonce: string | undefined
  readonly mac: string
}

export function readProof(body: unknown): Proof {
  const fields = new Fields('proof', body, malformed)
  return { nonce: fields.text('nonce', { max: 256 }), mac: fields.required('mac', { max: 128 }) }
}

export interface Subscribe {
  readonly pattern: string
  readonly group: string | undefined
  readonly filter: string | undefined
  /** The pattern is the name of a queue, and its messages are to be consumed. */
  readonly consume: boolean
}

export function readSubscribe(body: unknown): Subscribe {
  const fields = new Fields('subscribe', body, malformed)
  return {
    pattern: fields.required('pattern', { max: 255 }),
    group: fields.text('group', { max: 128, pattern: NAME, hint: NAME_HINT }),
    filter: fields.text('filter', { max: 1024 }),
    consume: fields.flag('consume') ?? false,
  }
}

function malformed(problem: string): BrokerError {
  return new BrokerError('frame.malformed', { problem })
}
