// The handshake as a pure function of what was said so far: hello, then welcome, challenge or refusal.

import { BrokerError } from '../ground/errors.ts'
import type { ControlMessage } from '../ground/control.ts'
import { Kind, kindName } from '../ground/kind.ts'
import { readHello, readProof, type Hello } from './bodies.ts'

/** What the handshake asks of whoever knows the credentials. `C` is a credential. */
export interface HandshakeAuthority<C> {
  readonly requireAuth: boolean
  unproven(principal: string): C
  checkToken(principal: string, token: string): C
  challenge(principal: string, clientNonce: string): { readonly nonce: string; readonly ttlMs: number }
  checkProof(nonce: string, mac: string): { credential: C; mac: string }
}

/** Remembered between hello and proof. */
export interface PendingHello {
  readonly hello: Hello
  readonly nonce: string
}

export type HandshakeStep<C> =
  | { readonly kind: 'challenge'; readonly pending: PendingHello; readonly body: { nonce: string; ttlMs: number } }
  | { readonly kind: 'welcome'; readonly hello: Hello; readonly credential: C; readonly mac: string | undefined }

/**
 * The next step after `message`.
 * @throws BrokerError `handshake.expected`, `handshake.version`, `frame.malformed`, `auth.*`: tell it and end
 */
export function handshakeStep<C>(pending: PendingHello | undefined, message: ControlMessage, authority: HandshakeAuthority<C>): HandshakeStep<C> {
  if (pending === undefined) {
    if (message.kind !== Kind.hello) throw new BrokerError('handshake.expected', { expected: 'hello', actual: kindName(message.kind) })
    return greet(readHello(message.body), authority)
  }
  if (message.kind !== Kind.proof) throw new BrokerError('handshake.expected', { expected: 'proof', actual: kindName(message.kind) })
  const proof = readProof(message.body)
  const { credential, mac } = authority.checkProof(proof.nonce ?? pending.nonce, proof.mac)
  // A proof for somebody else's challenge proves nothing about this hello.
  if (proof.nonce !== undefined && proof.nonce !== pending.nonce) throw new BrokerError('auth.failed', { principal: pending.hello.principal })
  return { kind: 'welcome', hello: pending.hello, credential, mac }
}

function greet<C>(hello: Hello, authority: HandshakeAuthority<C>): HandshakeStep<C> {
  const { auth, principal } = hello
  if (auth.kind === 'token') return { kind: 'welcome', hello, credential: authority.checkToken(principal, auth.token), mac: undefined }
  if (auth.kind === 'challenge') {
    const body = authority.challenge(principal, auth.nonce)
    return { kind: 'challenge', pending: { hello, nonce: body.nonce }, body }
  }
  if (authority.requireAuth) throw new BrokerError('auth.required')
  return { kind: 'welcome', hello, credential: authority.unproven(principal), mac: undefined }
}
