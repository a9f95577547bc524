// Who may read what the broker counts: programs of this host, and whoever has a token.

import type { IncomingMessage } from 'node:http'
import { BrokerError } from '../broker/ground/errors.ts'
import { isLoopback, plainAddress } from '../transports/tcp/address.ts'
import { HttpRefusal } from './refusal.ts'

export interface ReaderRules {
  /** `loopback`: programs of this host need no credential; `token`: everybody does. */
  readonly access: 'loopback' | 'token'
  /** True for the token of a principal that may read; takes as long for a wrong one. */
  readonly isToken: (principal: string, token: string) => boolean
}

const CHALLENGE = 'WWW-Authenticate: Bearer realm="callboard", Basic realm="callboard"'
/** What a proxy adds: whoever is behind it is not of this host. */
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const
const MAX_CREDENTIAL_CHARACTERS = 1024

/**
 * Bearer is the owner's token, Basic the name and token of a principal.
 * @throws HttpRefusal `auth.required`, `auth.failed`
 */
export function checkReader(request: IncomingMessage, { access, isToken }: ReaderRules): void {
  const { authorization } = request.headers
  // A wrong credential is refused from this host too: it is a mistake that somebody wants to know of.
  if (authorization === undefined && access === 'loopback' && isOfThisHost(request)) return
  if (authorization === undefined) throw new HttpRefusal(401, new BrokerError('auth.required'), [CHALLENGE])
  const { principal, token } = credentialOf(authorization)
  if (!isToken(principal, token)) throw new HttpRefusal(401, new BrokerError('auth.failed', { principal }), [CHALLENGE])
}

function isOfThisHost({ socket, headers }: IncomingMessage): boolean {
  return isLoopback(plainAddress(socket.remoteAddress ?? '')) && FORWARDING.every(name => headers[name] === undefined)
}

function credentialOf(authorization: string): { principal: string; token: string } {
  const [, scheme = '', value = ''] = /^(\w+) +([\w.~+/=-]+) *$/.exec(authorization.slice(0, MAX_CREDENTIAL_CHARACTERS)) ?? []
  if (scheme.toLowerCase() !== 'basic') return { principal: 'owner', token: scheme.toLowerCase() === 'bearer' ? value : '' }
  const [, principal = '', token = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? []
  return { principal, token }
}
