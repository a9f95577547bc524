// The handshake as a pure function of what was said so far: hello, then welcome, challenge or refusal.

import { BrokerError } from '../ground/errors.ts'
import type { ControlMessage } from '../ground/control.ts'
import { Kind, kindName } from '../ground/kind.ts'
import type { NatsAuth } from '../ground/nats-auth.ts'
import { readHello, readProof, type Greeting, type Hello } from './bodies.ts'

/** What the handshake asks of whoever knows the credentials. `C` is a credential. */
export interface HandshakeAuthority<C> {
  readonly requireAuth: boolean
  unproven(principal: string): C
  checkToken(principal: string, token: string): C
  challenge(principal: string, clientNonce: string): { readonly nonce: string; readonly ttlMs: number }
  checkProof(nonce: string, mac: string): { credential: C; mac: string }
  /** The proof of a client that answers the greeting at once. */
  checkGreeting(greeting: Greeting, principal: string, challenge: string, mac: string): C
  /** The broker's own proof for a client that challenged it. */
  answer(credential: C, greeting: Greeting, challenge: string): string
  /** Of what NATS clients present; undefined on links where NATS is not spoken. */
  readonly checkNats?: ((presented: NatsAuth) => C) | undefined
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
export function handshakeStep<C>(pending: PendingHello | undefined, message: ControlMessage, authority: HandshakeAuthority<C>, greeting?: Greeting): HandshakeStep<C> {
  if (pending === undefined) {
    if (message.kind !== Kind.hello) throw new BrokerError('handshake.expected', { expected: 'hello', actual: kindName(message.kind) })
    return greet(readHello(message.body), authority, greeting)
  }
  if (message.kind !== Kind.proof) throw new BrokerError('handshake.expected', { expected: 'proof', actual: kindName(message.kind) })
  const proof = readProof(message.body)
  const { credential, mac } = authority.checkProof(proof.nonce ?? pending.nonce, proof.mac)
  // A proof for somebody else's challenge proves nothing about this hello.
  if (proof.nonce !== undefined && proof.nonce !== pending.nonce) throw new BrokerError('auth.failed', { principal: pending.hello.principal })
  return { kind: 'welcome', hello: pending.hello, credential, mac }
}

function greet<C>(hello: Hello, authority: HandshakeAuthority<C>, greeting: Greeting | undefined): HandshakeStep<C> {
  const { auth, principal, challenge } = hello
  const welcome = (credential: C): HandshakeStep<C> => {
    const mac = greeting === undefined || challenge === undefined ? undefined : authority.answer(credential, greeting, challenge)
    return { kind: 'welcome', hello, credential, mac }
  }
  if (auth.kind === 'token') return welcome(authority.checkToken(principal, auth.token))
  if (auth.kind === 'nats') {
    if (authority.checkNats === undefined) throw new BrokerError('frame.unsupported', { feature: 'auth.nats on this link' })
    return welcome(authority.checkNats(auth.presented))
  }
  if (auth.kind === 'proof') {
    if (greeting === undefined || challenge === undefined) throw new BrokerError('handshake.expected', { expected: 'a challenge of the client beside the mac, on a link where the broker greets', actual: 'a mac alone' })
    return welcome(authority.checkGreeting(greeting, principal, challenge, auth.mac))
  }
  if (auth.kind === 'challenge') {
    const body = authority.challenge(principal, auth.nonce)
    return { kind: 'challenge', pending: { hello, nonce: body.nonce }, body }
  }
  if (authority.requireAuth) throw new BrokerError('auth.required')
  return welcome(authority.unproven(principal))
}
