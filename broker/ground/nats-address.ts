// Addresses of NATS servers as an operator writes them.

import { BrokerError } from './errors.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
  /** `tls://`: without TLS there is no link. */
  readonly requiresTls: boolean
  /** As people write it: `host:port`. */
  readonly text: string
}

const DEFAULT_PORT = 4222

/**
 * `nats://host:port`, `tls://host:port` or `host:port`; the port may be missing.
 * @throws BrokerError `config.invalid`
 */
export function parseServerAddress(url: string): ServerAddress {
  const match = /^(?:(nats|tls):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?\/?$/i.exec(url)
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  if (match === null || port < 1 || port > 65_535) throw new BrokerError('config.invalid', { problem: `"${url}" is not the address of a NATS server` })
  const host = match[2]!.replace(/^\[|\]$/g, '')
  return { host, port, requiresTls: match[1]?.toLowerCase() === 'tls', text: `${match[2]!}:${port}` }
}
