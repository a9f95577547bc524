// What NATS clients present, made as their tools make it: JWTs of users, and signatures over a nonce.

import type { KeyPair } from '@nats-io/nkeys'

export interface JwtOptions {
  /** The account that signs. */
  readonly issuer: KeyPair
  readonly user: KeyPair
  /** Beside those that a JWT must have. */
  readonly claims?: object
  /** The same of its member `nats`. */
  readonly nats?: object
  readonly header?: object
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 }

/** The JWT of a user, as an account's tools make it. */
export function userJwt({ issuer, user, claims = {}, nats = {}, header = {} }: JwtOptions): string {
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey', ...header })
  const body = part({ jti: 'x', iat: 1_700_000_000, name: 'somebody', iss: issuer.getPublicKey(), sub: user.getPublicKey(), ...claims, nats: { type: 'user', version: 2, ...UNLIMITED, pub: {}, sub: {}, ...nats } })
  return `${head}.${body}.${Buffer.from(issuer.sign(Buffer.from(`${head}.${body}`))).toString('base64url')}`
}

/** A signature over the nonce, as CONNECT has it. */
export function signed(user: KeyPair, nonce: string): string {
  return Buffer.from(user.sign(Buffer.from(nonce))).toString('base64url')
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
