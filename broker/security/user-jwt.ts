// The JWT of a NATS user: who signed it, for whose key, until when, and to what it is restricted. Knows no principals.
//
//   base64url {"typ":"JWT","alg":"ed25519-nkey"} . base64url claims . base64url Ed25519 over the text before the last dot

import { Fields } from '../ground/fields.ts'
import { BrokerError } from '../ground/errors.ts'
import { hasSigned, readNkey, type Nkey } from '../ground/nkey.ts'
import { parsePattern } from '../ground/subject.ts'
import type { PatternRules } from '../ground/types.ts'

export interface UserClaims {
  /** Who may present it: whoever signs the nonce with this key. */
  readonly subject: Nkey
  /** Who signed it. */
  readonly issuer: Nkey
  /** Seconds since the epoch, 0 = never. */
  readonly expires: number
  /** Seconds since the epoch, 0 = at once. */
  readonly notBefore: number
  /** An empty list of what is allowed allows everything. */
  readonly publish: PatternRules
  readonly subscribe: PatternRules
  /** Its holder need not sign anything. */
  readonly isBearer: boolean
  /** Ways to connect, in upper case; empty = any. */
  readonly ways: readonly string[]
}

const MAX_PATTERNS = 1024
const MAX_SECONDS = 2 ** 40
/** Claims that restrict their holder in ways that this broker does not keep to. Whoever has one of them is not let in: a restriction that is passed over is none. */
const UNKEPT = ['src', 'times'] as const
const UNKEPT_LIMITS = ['subs', 'data', 'payload'] as const
const UNLIMITED = -1
/** `alg` of JWTs in the form of before 2020: the type stands beside `nats`, and the signature covers the claims alone. */
const FIRST_VERSION = 'ed25519'

/**
 * Reads a JWT and checks its signature by the key that it names as issuer; whether that issuer is one to believe, and
 * whether the time is right, is for the caller to say.
 * @throws BrokerError `auth.failed` with the reason, for the log
 */
export function readUserJwt(jwt: string): UserClaims {
  const [header, body, signature, ...rest] = jwt.split('.')
  if (header === undefined || body === undefined || signature === undefined || rest.length > 0) throw refusal('it has not three parts')
  const head = new Fields('header', parsePart(header), refusal)
  const alg = head.text('alg', { max: 16 })
  if (head.text('typ', { max: 16 })?.toUpperCase() !== 'JWT' || (alg !== 'ed25519-nkey' && alg !== FIRST_VERSION)) throw refusal('it is not signed by ed25519-nkey')
  const claims = new Fields('claims', parsePart(body), refusal)
  const issuer = readNkey(claims.required('iss', { max: 64 }))
  if (issuer?.kind !== 'account') throw refusal('its issuer is not the public key of an account')
  if (!hasSigned(issuer, Buffer.from(alg === FIRST_VERSION ? body : `${header}.${body}`), Buffer.from(signature, 'base64url'))) throw refusal('its signature is not that of its issuer')
  const subject = readNkey(claims.required('sub', { max: 64 }))
  if (subject?.kind !== 'user') throw refusal('its subject is not the public key of a user')
  const nats = claims.map('nats')
  const type = alg === FIRST_VERSION ? claims.text('type', { max: 32 }) : nats?.text('type', { max: 32 })
  if (nats === undefined || type !== 'user') throw refusal('it is not the JWT of a user')
  for (const claim of UNKEPT) if ((nats.list(claim)?.length ?? 0) > 0) throw refusal(`it restricts "${claim}", which this broker does not keep to`)
  for (const limit of UNKEPT_LIMITS) {
    const most = nats.integer(limit, UNLIMITED, Number.MAX_SAFE_INTEGER) ?? UNLIMITED
    if (most !== UNLIMITED) throw refusal(`it limits "${limit}", which this broker does not keep to`)
  }
  return {
    subject,
    issuer,
    expires: claims.integer('exp', 0, MAX_SECONDS) ?? 0,
    notBefore: claims.integer('nbf', 0, MAX_SECONDS) ?? 0,
    isBearer: nats.flag('bearer_token') === true,
    publish: rulesOf(nats, 'pub'),
    subscribe: rulesOf(nats, 'sub'),
    ways: (nats.texts('allowed_connection_types', 16, { max: 32 }) ?? []).map((way) => way.toUpperCase()),
  }
}

function rulesOf(nats: Fields, key: string): PatternRules {
  const rules = nats.map(key)
  const list = (name: string): readonly string[] => rules?.texts(name, MAX_PATTERNS, { max: 255 }) ?? []
  const [allow, deny] = [list('allow'), list('deny')]
  try {
    for (const pattern of [...allow, ...deny]) parsePattern(pattern)
  } catch (error) {
    throw refusal(`nats.${key}: ${BrokerError.from(error).message}`)
  }
  return { allow, deny }
}

function parsePart(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    throw refusal('a part of it is not JSON')
  }
}

function refusal(problem: string): BrokerError {
  return new BrokerError('auth.failed', { principal: '', reason: `the JWT was not accepted: ${problem}` })
}
