// CONNECT: how a client wants to be served, and what it presents to be let in. Read as nats-server reads it: members that
// are not known, or null, are passed over, names match in any case, and what is left out stays as it was.

import { BrokerError } from '../../broker/ground/errors.ts'
import { PARSER_ERROR } from './err-texts.ts'
import type { NatsAuth } from '../../broker/ground/nats-auth.ts'

export interface ConnectOptions {
  /** Each operation is answered `+OK`. */
  readonly verbose: boolean
  /** Subjects of PUB and SUB are checked more strictly. */
  readonly pedantic: boolean
  /** It gets what it publishes itself. */
  readonly echo: boolean
  /** It reads HMSG, and may send HPUB. */
  readonly headers: boolean
  /** A request that nobody gets is answered with 503. */
  readonly noResponders: boolean
  /** 1 and above: it takes INFO at any time. */
  readonly protocol: number
  readonly name: string
  readonly lang: string
  readonly version: string
}

export interface Connect {
  readonly options: ConnectOptions
  readonly presented: NatsAuth
}

/** Before CONNECT, and where it leaves something out. */
export const connectDefaults: ConnectOptions = { verbose: true, pedantic: true, echo: true, headers: false, noResponders: false, protocol: 0, name: '', lang: '', version: '' }
/** What a client presents that says no CONNECT. */
export const nothingPresented: NatsAuth = { user: undefined, pass: undefined, token: undefined, nkey: undefined, jwt: undefined, sig: undefined }

const LATEST_PROTOCOL = 1
const MAX_NAME = 128

/**
 * The argument of CONNECT. `before`: what holds where it leaves something out, of the CONNECT before it or the defaults.
 * @throws BrokerError `nats.malformed` when it is no JSON or a member is of a wrong type, `handshake.version`,
 * `nats.no_headers`, `auth.failed` when it asks for an account
 */
export function readConnect(text: string, before: ConnectOptions = connectDefaults): Connect {
  const members = readMembers(text)
  const flag = (key: string, otherwise: boolean): boolean => typed(members, key, 'boolean', otherwise)
  const string = (key: string, otherwise = ''): string => typed(members, key, 'string', otherwise)
  const options: ConnectOptions = {
    verbose: flag('verbose', before.verbose),
    pedantic: flag('pedantic', before.pedantic),
    echo: flag('echo', before.echo),
    headers: flag('headers', before.headers),
    noResponders: flag('no_responders', before.noResponders),
    protocol: typed(members, 'protocol', 'number', before.protocol),
    name: string('name', before.name),
    lang: string('lang', before.lang),
    version: string('version', before.version),
  }
  flag('tls_required', false)
  if (string('account') !== '' || flag('new_account', false)) throw new BrokerError('auth.failed', { principal: '', reason: 'CONNECT asks for an account' })
  // What is empty was not given.
  const proof = (key: string): string | undefined => string(key) || undefined
  const presented = { user: proof('user'), pass: proof('pass'), token: proof('auth_token'), nkey: proof('nkey'), jwt: proof('jwt'), sig: proof('sig') }
  const { protocol } = options
  if (!Number.isInteger(protocol)) throw malformed('protocol of CONNECT is no integer')
  if (protocol < 0 || protocol > LATEST_PROTOCOL) throw new BrokerError('handshake.version', { min: protocol, max: protocol, brokerMin: 0, brokerMax: LATEST_PROTOCOL })
  if (options.noResponders && !options.headers) throw new BrokerError('nats.no_headers')
  return { options, presented }
}

/** The body of the hello that a CONNECT stands for. */
export function helloOf({ options, presented }: Connect): object {
  const { name, lang, version, echo } = options
  const shown = (text: string): string | undefined => text.slice(0, MAX_NAME) || undefined
  return { program: shown(name), echo, auth: { nats: presented }, device: { version: shown(version), lang: shown(lang) } }
}

function readMembers(text: string): ReadonlyMap<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // Not the parser's own text: it shows what it read, and that may be a password.
    throw malformed('the argument of CONNECT is no JSON', error)
  }
  if (value === null) return new Map()
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed('the argument of CONNECT is no JSON object')
  return new Map(Object.entries(value).map(([key, member]) => [key.toLowerCase(), member]))
}

interface Types {
  readonly boolean: boolean
  readonly string: string
  readonly number: number
}

function typed<K extends keyof Types>(members: ReadonlyMap<string, unknown>, key: string, type: K, otherwise: Types[K]): Types[K] {
  const value = members.get(key)
  if (value === undefined || value === null) return otherwise
  if (typeof value !== type) throw malformed(`${key} of CONNECT is no ${type}`)
  return value as Types[K]
}

function malformed(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('nats.malformed', { problem, said: PARSER_ERROR }, { cause })
}
