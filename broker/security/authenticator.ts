// Knows the credentials of principals and checks what a client presents. Never holds a token as text.

import { createHmac, createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto'
import { BrokerError } from '../ground/errors.ts'
import type { Clock } from '../ground/clock.ts'
import type { Nkey } from '../ground/nkey.ts'
import type { AccountRules } from '../ground/settings.ts'
import type { PatternRules, Role } from '../ground/types.ts'
import type { Permissions } from './permissions.ts'

const CHALLENGE_TTL_MS = 10_000
/** Challenges remembered at a time; older ones are forgotten first, and then refused as unknown. */
const MAX_CHALLENGES = 16_384

export interface Credential {
  readonly permissions: Permissions
  /** Also signs this principal's messages. */
  readonly key: KeyObject
  /** What was presented allows less than the principal may; undefined: all of it. */
  readonly narrowing?: Narrowing
  /** It ends then. µs of wall time, 0 = never */
  readonly expiresAtMicros?: number
  /** What ends then is the account that it is of. */
  readonly endsWithAccount?: boolean
}

/** Lists of what is allowed may be empty: everything that the principal may. */
export interface Narrowing {
  readonly publish: PatternRules
  readonly subscribe: PatternRules
}

/** What a principal proves itself with. */
export interface Proofs {
  readonly token?: string | undefined
  readonly nkey?: Nkey | undefined
  /** For an account's nkey. */
  readonly account?: AccountRules | undefined
}

interface Held extends Credential {
  /** Under which the token alone finds it; undefined: it has none. */
  readonly tokenDigest: string | undefined
  readonly nkey: Nkey | undefined
  readonly account: AccountRules | undefined
}

export interface Challenge {
  readonly nonce: string
  readonly ttlMs: number
}

interface Issued {
  readonly credential: Credential | undefined
  readonly principal: string
  readonly clientNonce: string
  readonly expiresMs: number
  isUsed: boolean
}

export class Authenticator {
  readonly #clock: Clock
  readonly #credentials = new Map<string, Held>()
  /** Principals by the digest of their token: how long a look-up takes says nothing of the token. */
  readonly #byToken = new Map<string, Set<Held>>()
  readonly #byNkey = new Map<string, Held>()
  readonly #indexKey = createSecretKey(randomBytes(32))
  readonly #issued = new Map<string, Issued>()
  // Stands in for the key of a principal that does not exist, so that the answer takes as long.
  readonly #nobody = createSecretKey(randomBytes(32))

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds a principal's credential, or replaces it. */
  add(permissions: Permissions, { token, nkey, account }: Proofs): void {
    this.#forget(this.#credentials.get(permissions.name))
    const tokenDigest = token === undefined ? undefined : this.#digestOf(token)
    // Without a token nobody has the key, so nothing is ever proved by it.
    const key = token === undefined ? createSecretKey(randomBytes(32)) : createSecretKey(token, 'utf8')
    const held: Held = { permissions, key, tokenDigest, nkey, account }
    this.#credentials.set(permissions.name, held)
    if (nkey !== undefined) this.#byNkey.set(nkey.text, held)
    if (tokenDigest === undefined) return
    const same = this.#byToken.get(tokenDigest)
    if (same === undefined) this.#byToken.set(tokenDigest, new Set([held]))
    else same.add(held)
  }

  /** Takes a credential back, unless the principal has a newer one. Connections that it let in stay. */
  remove(permissions: Permissions): void {
    const held = this.#credentials.get(permissions.name)
    if (held?.permissions === permissions) this.#forget(held)
  }

  /** Some principal proves itself by signing a nonce. */
  get hasNkeys(): boolean {
    return this.#byNkey.size > 0
  }

  /** The principal with that nkey. */
  holderOf(nkey: string): { readonly credential: Credential; readonly nkey: Nkey; readonly account: AccountRules | undefined } | undefined {
    const held = this.#byNkey.get(nkey)
    return held?.nkey && { credential: held, nkey: held.nkey, account: held.account }
  }

  /** True for a principal that has a credential. */
  knows(principal: string): boolean {
    return this.#credentials.has(principal)
  }

  /** The principal's identity without any proof, for brokers that do not require authentication. */
  unproven(principal: string): Credential {
    const credential = this.#credentials.get(principal)
    if (credential === undefined) throw new BrokerError('auth.failed', { principal })
    return credential
  }

  /**
   * Checks a token in constant time.
   * @throws BrokerError `auth.failed`, the same for an unknown principal and a wrong token
   */
  checkToken(principal: string, token: string): Credential {
    const credential = this.#credentials.get(principal)
    const expected = digest(credential?.key ?? this.#nobody, 'token')
    const actual = createHmac('sha256', token).update('token').digest()
    if (!timingSafeEqual(expected, actual) || credential === undefined) throw new BrokerError('auth.failed', { principal })
    return credential
  }

  /**
   * The principal whose token it is, for clients that name nobody.
   * @throws BrokerError `auth.failed`, also where several principals share the token
   */
  checkBearer(token: string): Credential {
    const holders = this.#byToken.get(this.#digestOf(token))
    const [credential] = holders ?? []
    if (credential === undefined || holders!.size > 1) throw new BrokerError('auth.failed', { principal: '' })
    return credential
  }

  /** The same as an answer; with `role` only for principals that have it. */
  isToken(principal: string, token: string, role?: Role): boolean {
    try {
      const { permissions } = this.checkToken(principal, token)
      return role === undefined || permissions.has(role)
    } catch {
      return false
    }
  }

  /** A challenge for a client that will prove that it has the principal's token. It serves once. */
  challenge(principal: string, clientNonce: string): Challenge {
    if (this.#issued.size >= MAX_CHALLENGES) this.#issued.delete(this.#issued.keys().next().value!)
    const nonce = newNonce()
    const credential = this.#credentials.get(principal)
    this.#issued.set(nonce, { credential, principal, clientNonce, expiresMs: this.#clock.monotonicMs() + CHALLENGE_TTL_MS, isUsed: false })
    return { nonce, ttlMs: CHALLENGE_TTL_MS }
  }

  /**
   * Checks the answer to a challenge; returns the credential and the broker's own proof for the welcome.
   * @throws BrokerError `auth.replayed`, `auth.expired`, `auth.failed`
   */
  checkProof(nonce: string, mac: string): { credential: Credential; mac: string } {
    const issued = this.#issued.get(nonce)
    if (issued === undefined) throw new BrokerError('auth.failed', { principal: '' })
    if (issued.isUsed) throw new BrokerError('auth.replayed')
    issued.isUsed = true
    if (this.#clock.monotonicMs() > issued.expiresMs) throw new BrokerError('auth.expired', { limitMs: CHALLENGE_TTL_MS })
    const { credential, principal, clientNonce } = issued
    const about = `${nonce}\n${clientNonce}\n${principal}`
    const key = credential?.key ?? this.#nobody
    if (!proves(key, about, mac) || credential === undefined) throw new BrokerError('auth.failed', { principal })
    return { credential, mac: digest(key, `callboard-welcome-v1\n${about}`).toString('hex') }
  }

  /** What the broker says first on links where it does; proofs that lean on it hold as long as other challenges. */
  greeting(): { nonce: string; sentAtMs: number } {
    return { nonce: newNonce(), sentAtMs: this.#clock.monotonicMs() }
  }

  /**
   * Checks a proof that leans on a greeting. A greeting belongs to one connection, which may prove itself once.
   * @throws BrokerError `auth.expired`, `auth.failed`
   */
  checkGreeting(greeting: { readonly nonce: string; readonly sentAtMs: number }, principal: string, challenge: string, mac: string): Credential {
    if (this.#clock.monotonicMs() > greeting.sentAtMs + CHALLENGE_TTL_MS) throw new BrokerError('auth.expired', { limitMs: CHALLENGE_TTL_MS })
    const credential = this.#credentials.get(principal)
    if (!proves(credential?.key ?? this.#nobody, `${greeting.nonce}\n${challenge}\n${principal}`, mac) || credential === undefined) throw new BrokerError('auth.failed', { principal })
    return credential
  }

  /** The broker's own proof for a client that challenged it. */
  answer({ key, permissions }: Credential, greeting: { readonly nonce: string }, challenge: string): string {
    return digest(key, `callboard-welcome-v1\n${greeting.nonce}\n${challenge}\n${permissions.name}`).toString('hex')
  }

  #digestOf(token: string): string {
    return createHmac('sha256', this.#indexKey).update(token).digest('base64')
  }

  #forget(held: Held | undefined): void {
    if (held === undefined) return
    const { permissions, tokenDigest, nkey } = held
    this.#credentials.delete(permissions.name)
    if (nkey !== undefined && this.#byNkey.get(nkey.text) === held) this.#byNkey.delete(nkey.text)
    const same = tokenDigest === undefined ? undefined : this.#byToken.get(tokenDigest)
    same?.delete(held)
    if (same?.size === 0) this.#byToken.delete(tokenDigest!)
  }

  /** Forgets challenges that have expired for so long that a replay gets `auth.failed` anyway. */
  forgetExpired(): void {
    const now = this.#clock.monotonicMs()
    for (const [nonce, issued] of this.#issued) if (issued.expiresMs + CHALLENGE_TTL_MS < now) this.#issued.delete(nonce)
  }
}

function newNonce(): string {
  return randomBytes(24).toString('base64url')
}

function proves(key: KeyObject, about: string, mac: string): boolean {
  const expected = digest(key, `callboard-proof-v1\n${about}`)
  const actual = Buffer.from(mac, 'hex')
  return actual.length === expected.length && timingSafeEqual(expected, actual)
}

function digest(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
