// What the store shows NATS servers, from a file: a user's JWT and seed (`.creds`), a seed alone, or on its first line `user:password`
// or a token. Read anew for each connection, since credentials are replaced while brokers run.

import { readFileSync } from 'node:fs'
import { credsAuthenticator, nkeyAuthenticator, type Authenticator } from '@nats-io/transport-node'
import { BrokerError } from '../../ground/errors.ts'

const JWT_MARK = '-----BEGIN NATS USER JWT-----'
const SEED = /^SU[A-Z2-7]{56}$/

/** @throws BrokerError `config.invalid` when it is called and the file cannot be read */
export function authenticatorOf(path: string): Authenticator {
  return (nonce) => {
    const contents = read(path)
    const line = contents.split('\n').map((each) => each.trim()).find((each) => each !== '' && !each.startsWith('#')) ?? ''
    if (contents.includes(JWT_MARK)) return credsAuthenticator(new TextEncoder().encode(contents))(nonce)
    if (SEED.test(line)) return nkeyAuthenticator(new TextEncoder().encode(line))(nonce)
    const colon = line.indexOf(':')
    return colon < 0 ? { auth_token: line } : { user: line.slice(0, colon), pass: line.slice(colon + 1) }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new BrokerError('config.invalid', { problem: `store.nats.credentials: the file ${path} cannot be read: ${(error as Error).message}` }, { cause: error })
  }
}
