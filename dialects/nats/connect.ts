// What a client says in CONNECT, and the hello that it stands for.

import { BrokerError } from '../../broker/ground/errors.ts'

export interface ConnectOptions {
  readonly verbose: boolean
  readonly pedantic: boolean
  readonly echo: boolean
  readonly headers: boolean
  readonly noResponders: boolean
  readonly name: string | undefined
  readonly user: string | undefined
  readonly pass: string | undefined
  readonly token: string | undefined
}

/** @throws BrokerError `nats.malformed` */
export function readConnect(text: string): ConnectOptions {
  const members = parse(text)
  const word = (key: string): string | undefined => (typeof members[key] === 'string' ? members[key] : undefined)
  return {
    verbose: members['verbose'] === true,
    pedantic: members['pedantic'] === true,
    echo: members['echo'] !== false,
    headers: members['headers'] === true,
    noResponders: members['no_responders'] === true && members['headers'] === true,
    name: word('name'),
    user: word('user'),
    pass: word('pass'),
    token: word('auth_token'),
  }
}

/** The hello of a connection that presented these options. */
export function helloOf({ echo, user, pass, token }: ConnectOptions): object {
  const secret = user === undefined ? token : pass
  return { echo, heartbeatMs: 1, ...(user === undefined ? {} : { principal: user }), ...(secret === undefined ? {} : { auth: { token: secret } }) }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new BrokerError('nats.malformed', { problem: 'CONNECT takes a JSON object' })
}
