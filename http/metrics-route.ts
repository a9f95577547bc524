// `/metrics` for Prometheus, and who may read it. Knows no metric.

import type { IncomingMessage } from 'node:http'
import { BrokerError } from '../broker/ground/errors.ts'
import { isLoopback, plainAddress } from '../transports/tcp/address.ts'
import { HttpRefusal } from './refusal.ts'
import type { Route } from './route.ts'

export interface MetricsRouteOptions {
  /** The text; made for each request. */
  readonly scrape: () => Promise<string>
  /** `loopback`: programs of this host need no credential; `token`: everybody does. */
  readonly access: 'loopback' | 'token'
  /** True for the token of a principal; takes as long for a wrong one. */
  readonly isToken: (principal: string, token: string) => boolean
}

/** Version 0.0.4 of Prometheus' exposition format. */
const TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const CHALLENGE = 'WWW-Authenticate: Bearer realm="callboard", Basic realm="callboard"'
/** What a proxy adds: whoever is behind it is not of this host. */
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const
const MAX_CREDENTIAL_CHARACTERS = 1024

/** Bearer is the owner's token, Basic the name and token of any principal. */
export function metricsRoute({ scrape, access, isToken }: MetricsRouteOptions): Route {
  return async request => {
    const { authorization } = request.headers
    if (authorization !== undefined || access === 'token' || !isOfThisHost(request)) check(authorization, isToken)
    return { status: 200, type: TYPE, body: await scrape() }
  }
}

function isOfThisHost({ socket, headers }: IncomingMessage): boolean {
  return isLoopback(plainAddress(socket.remoteAddress ?? '')) && FORWARDING.every(name => headers[name] === undefined)
}

// A wrong credential is refused from this host too: it is a mistake that somebody wants to know of.
function check(authorization: string | undefined, isToken: MetricsRouteOptions['isToken']): void {
  if (authorization === undefined) throw new HttpRefusal(401, new BrokerError('auth.required'), [CHALLENGE])
  const { principal, token } = credentialOf(authorization)
  if (!isToken(principal, token)) throw new HttpRefusal(401, new BrokerError('auth.failed', { principal }), [CHALLENGE])
}

function credentialOf(authorization: string): { principal: string; token: string } {
  const [, scheme = '', value = ''] = /^(\w+) +([\w.~+/=-]+) *$/.exec(authorization.slice(0, MAX_CREDENTIAL_CHARACTERS)) ?? []
  if (scheme.toLowerCase() !== 'basic') return { principal: 'owner', token: scheme.toLowerCase() === 'bearer' ? value : '' }
  const [, principal = '', token = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? []
  return { principal, token }
}
