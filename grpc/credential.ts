// Who a call says that it comes from: its metadata, as the hello of a connection says it. Checks nothing.
//
//   authorization: Bearer <token>                       the token itself
//   authorization: Challenge <client nonce>             fails with the trailer callboard-nonce: <broker nonce>
//   authorization: Proof <broker nonce> <mac>           the answer to it, docs/protocol.md section 2
//   callboard-principal: <name>                         default owner

import type { Metadata } from '@grpc/grpc-js'
import { BrokerError } from '../broker/ground/errors.ts'

/** Calls with equal keys on one channel come from the same client. */
export type Credential =
  | { readonly kind: 'none'; readonly key: string; readonly hello: object }
  | { readonly kind: 'token'; readonly key: string; readonly token: string; readonly hello: object }
  | { readonly kind: 'challenge'; readonly key: string; readonly hello: object }
  | { readonly kind: 'proof'; readonly key: string; readonly nonce: string; readonly mac: string }

const MAX_TOKEN = 1024
const MAX_NONCE = 256

/** @throws BrokerError `grpc.bad_credential` when it has a form that nobody knows */
export function credentialOf(metadata: Metadata): Credential {
  const principal = text(metadata, 'callboard-principal')
  const authorization = text(metadata, 'authorization')
  const who = principal === undefined ? {} : { principal }
  const key = `${principal ?? ''}\n${authorization ?? ''}`
  if (authorization === undefined) return { kind: 'none', key, hello: who }
  const [scheme, first, second, ...rest] = authorization.split(' ')
  switch (scheme!.toLowerCase()) {
    case 'bearer':
      if (isText(first, MAX_TOKEN) && second === undefined) return { kind: 'token', key, token: first, hello: { ...who, auth: { token: first } } }
      break
    case 'challenge':
      if (isText(first, MAX_NONCE) && second === undefined) return { kind: 'challenge', key, hello: { ...who, auth: { nonce: first } } }
      break
    case 'proof':
      if (isText(first, MAX_NONCE) && isText(second, MAX_NONCE) && rest.length === 0) return { kind: 'proof', key, nonce: first, mac: second }
  }
  throw new BrokerError('grpc.bad_credential')
}

/** What the client calls itself, for people: `callboard-program`, or the first word of its user agent. */
export function programOf(metadata: Metadata): string {
  const given = text(metadata, 'callboard-program') ?? text(metadata, 'user-agent')?.split(/[\s/]/, 1)[0]
  return given === undefined || given === '' ? 'grpc' : given.slice(0, 128)
}

function isText(value: string | undefined, max: number): value is string {
  return value !== undefined && value !== '' && value.length <= max
}

function text(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name)
  return value === undefined ? undefined : String(value)
}
