// One HTTP/2 connection of a gRPC client, and the connections to the broker that its calls are made on:
//
//   unary calls           one for each credential that is presented, from the first call until the client goes
//   Subscribe             one for each stream: a stream that is not read holds back nothing but itself
//   RegisterAgent         one for each registration, see registrations.ts
//
// Each is a connection like any other: an actor, accounted, traced and limited.

import type { Metadata } from '@grpc/grpc-js'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Link, Peer } from '../broker/ground/types.ts'
import type { Doorkeeper } from '../transports/doorkeeper.ts'
import { ConnectionEnd } from './connection-end.ts'
import { credentialOf, programOf, type Credential } from './credential.ts'

/** What is asked of whoever accepted the socket. */
export interface CallerSocket {
  readonly peer: Peer
  readonly doorkeeper: Doorkeeper
  /** Cuts it off. */
  destroy(): void
}

/** A challenge that was issued: who asks for one is told this nonce, and proves himself in the next call. */
export class Challenged extends Error {
  readonly nonce: string

  constructor(nonce: string) {
    super('challenged')
    this.nonce = nonce
  }
}

/** Credentials that were refused, after which the socket is cut off. */
const MAX_REFUSED = 8
/** Challenges at a time that nobody has answered yet. */
const MAX_CHALLENGES = 16

export class Caller {
  readonly peer: Peer
  readonly #socket: CallerSocket
  readonly #accept: (link: Link) => void
  readonly #ends = new Set<ConnectionEnd>()
  readonly #unary = new Map<string, ConnectionEnd>()
  readonly #challenges = new Map<string, ConnectionEnd>()
  #refused = 0
  #isAdmitted = false
  #isClosed = false

  /** `accept` gives a link to the broker. */
  constructor(socket: CallerSocket, accept: (link: Link) => void) {
    this.peer = socket.peer
    this.#socket = socket
    this.#accept = accept
  }

  /** Some credential was accepted. */
  get isAdmitted(): boolean {
    return this.#isAdmitted
  }

  /**
   * The connection for unary calls with the credential of that metadata, at once where there is one already.
   * @throws BrokerError `auth.*` and others of the handshake, `grpc.bad_credential`; Challenged
   */
  unary(metadata: Metadata): ConnectionEnd | Promise<ConnectionEnd> {
    const credential = credentialOf(metadata)
    const { key } = credential
    const known = this.#unary.get(key)
    if (known !== undefined) return known.welcome === undefined ? this.#welcomed(known) : known
    const end = this.#begin(credential, metadata, {})
    if (end instanceof Promise) return end
    this.#unary.set(key, end)
    this.#keep(end, () => {
      if (this.#unary.get(key) === end) this.#unary.delete(key)
    })
    return this.#welcomed(end)
  }

  /** A connection of its own with that credential, for a stream or a registration; `hello` is what its hello says beside it. */
  open(metadata: Metadata, hello: object): Promise<ConnectionEnd> {
    const credential = credentialOf(metadata)
    // What a proof has opened is this caller's; a second one needs a proof of its own.
    const proven = credential.kind === 'proof' ? this.#unary.get(credential.key) : undefined
    this.#unary.delete(credential.kind === 'proof' ? credential.key : '')
    const end = proven ?? this.#begin(credential, metadata, hello)
    return end instanceof Promise ? end : this.#welcomed(end)
  }

  /** The socket is gone. */
  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.doorkeeper.left?.()
    for (const end of this.#ends) end.hangUp()
  }

  /** Cuts it off. */
  destroy(): void {
    this.#socket.destroy()
  }

  #begin(credential: Credential, metadata: Metadata, hello: object): ConnectionEnd | Promise<never> {
    if (this.#isClosed) throw new BrokerError('connection.closed')
    if (credential.kind === 'proof') return this.#proven(credential.nonce, credential.mac)
    const end = new ConnectionEnd(this.peer, this.#accept, { program: programOf(metadata), ...credential.hello, ...hello })
    this.#keep(end)
    return credential.kind === 'challenge' ? this.#challenge(end) : end
  }

  // It waits for its proof as long as any handshake may take.
  async #challenge(end: ConnectionEnd): Promise<never> {
    const nonce = await Promise.race([end.challenged, this.#welcomed(end)])
    if (typeof nonce !== 'string') throw new BrokerError('internal.error', { problem: 'a challenge was passed over' })
    if (this.#challenges.size >= MAX_CHALLENGES) {
      end.hangUp()
      throw this.#refuse(new BrokerError('connection.limit', { limit: MAX_CHALLENGES }))
    }
    this.#challenges.set(nonce, end)
    this.#keep(end, () => this.#challenges.delete(nonce))
    throw new Challenged(nonce)
  }

  #proven(nonce: string, mac: string): ConnectionEnd {
    const end = this.#challenges.get(nonce)
    if (end === undefined) throw this.#refuse(new BrokerError('auth.replayed'))
    this.#challenges.delete(nonce)
    end.prove(mac)
    return end
  }

  #keep(end: ConnectionEnd, onEnd?: () => void): void {
    this.#ends.add(end)
    end.onEnd = () => {
      this.#ends.delete(end)
      onEnd?.()
    }
  }

  async #welcomed(end: ConnectionEnd): Promise<ConnectionEnd> {
    try {
      await end.welcomed
    } catch (error) {
      throw this.#refuse(BrokerError.from(error))
    }
    if (!this.#isAdmitted) {
      this.#isAdmitted = true
      this.#socket.doorkeeper.admitted()
    }
    return end
  }

  // Who goes on guessing is cut off, as on other transports after the first time; the answer leaves before.
  #refuse(error: BrokerError): BrokerError {
    if (!error.code.startsWith('auth.') || ++this.#refused < MAX_REFUSED) return error
    setImmediate(() => this.#socket.destroy())
    return error
  }
}
