// What the link shows NATS servers, from a file. Signing is the library's.

import { readFileSync } from 'node:fs'
import type * as transport from '@nats-io/transport-node'
import { BrokerError } from '../../ground/errors.ts'

/** Members of `CONNECT` that say who connects; `nonce` is the server's. */
export type Authenticator = (nonce: string | undefined) => object

const JWT_MARK = '-----BEGIN NATS USER JWT-----'
/** A user's seed. */
const SEED = /^SU[A-Z2-7]{56}$/

/**
 * What a file of credentials says: a user's JWT and seed (`.creds`), a seed alone, or on its first line `user:password` or a token. Read
 * anew for each connection, since credentials are replaced while brokers run.
 * @throws BrokerError `config.invalid`
 */
export async function readCredentials(path: string | undefined): Promise<Authenticator> {
  if (path === undefined) return () => ({})
  const contents = readFile(path)
  const line = contents.split('\n').map((each) => each.trim()).find((each) => each !== '' && !each.startsWith('#'))
  if (line === undefined) throw invalid(path, 'is empty')
  if (contents.includes(JWT_MARK)) return identified((await library()).credsAuthenticator(new TextEncoder().encode(contents)))
  if (SEED.test(line)) return identified((await library()).nkeyAuthenticator(new TextEncoder().encode(line)))
  const colon = line.indexOf(':')
  return colon < 0 ? () => ({ auth_token: line }) : () => ({ user: line.slice(0, colon), pass: line.slice(colon + 1) })
}

function identified(sign: (nonce?: string) => object | void): Authenticator {
  return (nonce) => sign(nonce) ?? {}
}

// Not a static import: it takes 30 ms, and most files need no signature.
function library(): Promise<typeof transport> {
  return import('@nats-io/transport-node')
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw invalid(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

function invalid(path: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('config.invalid', { problem: `bus.nats.credentials: the file ${path} ${problem}` }, { cause })
}
