// Checks what a NATS client presents: name and token, a token alone, a signature by an nkey, or the JWT of a user. Knows
// the nonce that it signed, and nothing of the protocol.

import { generateKeyPairSync } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import { BrokerError } from '../ground/errors.ts'
import type { NatsAuth, NatsWay } from '../ground/nats-auth.ts'
import { hasSigned, type Nkey } from '../ground/nkey.ts'
import type { NatsSettings } from '../ground/settings.ts'
import type { Authenticator, Credential } from './authenticator.ts'
import { readUserJwt, type UserClaims } from './user-jwt.ts'

const MICROS_PER_SECOND = 1_000_000
const MICROS_PER_MS = 1000
const SIGNATURE_BYTES = 64

/** Who need not prove anything. */
export type NatsAuthRules = Pick<NatsSettings, 'noAuthUser' | 'ignoresCredentials'>

export class NatsAuthenticator {
  readonly #authenticator: Authenticator
  readonly #clock: Clock
  readonly #rules: NatsAuthRules
  // Its signature is checked where a key is not known, so that the answer takes as long.
  #nobody: Nkey | undefined

  /** `rules` are looked at for each client: they may change. */
  constructor(authenticator: Authenticator, clock: Clock, rules: NatsAuthRules) {
    this.#authenticator = authenticator
    this.#clock = clock
    this.#rules = rules
  }

  /** Whether clients are given a nonce: somebody could sign it. */
  get wantsNonce(): boolean {
    return this.#authenticator.hasNkeys
  }

  /**
   * Whom the client has proved to be. Of several things presented the first counts that nats-server looks at: JWT, nkey,
   * user and password, token.
   * @throws BrokerError `auth.failed`, `auth.required`
   */
  check(auth: NatsAuth, way: NatsWay): Credential {
    const { user, pass, token, nkey, jwt } = auth
    const { noAuthUser, ignoresCredentials } = this.#rules
    if (ignoresCredentials === true && noAuthUser !== undefined) return this.#authenticator.unproven(noAuthUser)
    if (this.#authenticator.hasNkeys) {
      if (jwt !== undefined) return this.#checkJwt(jwt, auth.sig, way)
      if (nkey !== undefined) return this.#checkNkey(nkey, auth.sig, way)
    }
    if (user !== undefined && (pass !== undefined || token === undefined)) return this.#authenticator.checkToken(user, pass ?? '')
    if (token !== undefined) return this.#authenticator.checkBearer(token)
    if (pass !== undefined) throw refusal('a password without a user')
    if (noAuthUser === undefined) throw new BrokerError('auth.required')
    return this.#authenticator.unproven(noAuthUser)
  }

  #checkNkey(nkey: string, sig: string | undefined, { nonce }: NatsWay): Credential {
    const holder = this.#authenticator.holderOf(nkey)
    const isUser = holder?.nkey.kind === 'user'
    const isProven = isSigned(isUser ? holder.nkey : (this.#nobody ??= newKey()), nonce, sig)
    if (!isUser || !isProven) throw new BrokerError('auth.failed', { principal: holder?.credential.permissions.name ?? '', reason: isUser ? 'the nonce is not signed by the nkey' : 'the nkey is nobody\'s' })
    return holder.credential
  }

  #checkJwt(jwt: string, sig: string | undefined, way: NatsWay): Credential {
    const claims = readUserJwt(jwt)
    const { subject, issuer, expires, isBearer, publish, subscribe } = claims
    const isProven = isSigned(subject, way.nonce, sig)
    if (!isBearer && !isProven) throw refusal('the nonce is not signed by the user of the JWT')
    // The user's own principal goes before that of the account. An issuer_account that did not sign is believed by nobody: its word for that is in an account JWT, which this broker does not have.
    const holder = this.#authenticator.holderOf(subject.text) ?? this.#authenticator.holderOf(issuer.text)
    if (holder === undefined) throw refusal(`neither the user ${subject.text} nor the account ${issuer.text} is the nkey of a principal`)
    const { account } = holder
    if (isBearer && account?.acceptsBearer !== true) throw refusal('it is a bearer token; only users who sign the nonce are let in')
    this.#checkTime(claims)
    const accountMicros = (account?.expiresAtMs ?? 0) * MICROS_PER_MS
    if (accountMicros > 0 && accountMicros <= this.#clock.wallMicros()) throw refusal('the account has expired')
    if (claims.ways.length > 0 && !claims.ways.includes(way.isWebSocket ? 'WEBSOCKET' : 'STANDARD')) throw refusal(`the JWT is for connections by ${claims.ways.join(', ')}`)
    const { permissions, key } = holder.credential
    const userMicros = expires * MICROS_PER_SECOND
    const endsWithAccount = accountMicros > 0 && (userMicros === 0 || accountMicros < userMicros)
    return { permissions, key, narrowing: { publish, subscribe }, expiresAtMicros: endsWithAccount ? accountMicros : userMicros, endsWithAccount }
  }

  #checkTime({ expires, notBefore }: UserClaims): void {
    const nowMicros = this.#clock.wallMicros()
    if (expires > 0 && expires * MICROS_PER_SECOND <= nowMicros) throw refusal('the JWT has expired')
    if (notBefore * MICROS_PER_SECOND > nowMicros) throw refusal('the JWT is not valid yet')
  }
}

// What the client signed is the nonce's text.
function isSigned(nkey: Nkey, nonce: string | undefined, sig: string | undefined): boolean {
  // The other alphabet of base64 is read too, as some clients write it.
  const signature = Buffer.from(sig ?? '', 'base64')
  return hasSigned(nkey, Buffer.from(nonce ?? ''), signature.length === SIGNATURE_BYTES ? signature : Buffer.alloc(SIGNATURE_BYTES)) && nonce !== undefined
}

function newKey(): Nkey {
  return { text: '', kind: 'user', key: generateKeyPairSync('ed25519').publicKey }
}

function refusal(reason: string): BrokerError {
  return new BrokerError('auth.failed', { principal: '', reason })
}
