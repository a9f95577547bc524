// The client's half of the handshake, as a function of the frames it receives. Knows no link.
//
//   hello ─▶ [challenge ─▶ proof ─▶] welcome            docs/protocol.md section 2

import { decode, encode } from '@msgpack/msgpack'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Overflow, RetrySettings } from '../broker/ground/settings.ts'
import type { MemoryOffer } from '../broker/ground/shared-memory.ts'
import type { Role } from '../broker/ground/types.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Hmac } from './link.ts'

const PROTOCOL_VERSION = 1
const DEFAULT_PRINCIPAL = 'owner'

/** What the client says of itself; see the hello body in docs/protocol.md. */
export interface Identity {
  readonly client?: string
  /** Nobody chose that id. */
  readonly clientDefault?: boolean
  readonly program?: string
  readonly agent?: string
  readonly principal?: string
  readonly echo?: boolean
  readonly heartbeatMs?: number
  /** Ways to compress payloads that it reads. */
  readonly compression?: readonly string[]
  /** It goes on in another process of the broker when it is told to. */
  readonly moves?: boolean
  /** It reads receipts that answer several messages. */
  readonly receiptRuns?: boolean
}

/** What the client asks of the broker for its connection; see the hello body. */
export interface Wishes {
  readonly flow?: { readonly overflow?: Overflow; readonly maxPendingBytes?: number; readonly maxPendingMessages?: number; readonly credit?: boolean }
  readonly sessionTtlMs?: number
  /** It takes memory of this host beside its link. */
  readonly sharedMemory?: boolean
  /** The session to go on with, and how many of its frames came. */
  readonly resume?: { readonly session: string; readonly secret: string; readonly received: number }
}

export interface Credential {
  /** undefined: none is sent, and the broker decides whether it needs one. */
  readonly token: string | undefined
  /** `challenge` proves that the client knows the token without sending it, and that the broker does; `token` sends it. */
  readonly auth: 'token' | 'challenge'
}

/** Who the broker takes the client for, and what it may do. */
export interface Welcome {
  readonly protocol: number
  /** Id of the broker's home. */
  readonly broker: string
  /** Grows with each start of the broker. */
  readonly incarnation: number
  /** Number of this connection. */
  readonly origin: number
  readonly client: string
  readonly session: string
  readonly principal: string
  readonly roles: readonly Role[]
  readonly limits: {
    readonly maxFrameBytes: number
    readonly maxSubscriptions: number
    readonly maxOpenRequests: number
    readonly requestTimeoutMs: number
    /** With credit: what may be sent on each subject before the broker grants more. */
    readonly creditBytes?: number
  }
  /** How often the broker pings. ms, 0 = not */
  readonly heartbeatMs: number
  readonly retry: RetrySettings
  /** true: messages must be signed. */
  readonly signature?: boolean
  /** Payloads from this size on may be sent in zstd; such ones may come. undefined: none */
  readonly compression?: { readonly name: string; readonly aboveBytes: number }
  /** Memory in which large frames may pass. */
  readonly sharedMemory?: MemoryOffer
  readonly mac?: string
  /** How long the session outlives this connection. ms, 0 or absent = not */
  readonly sessionTtlMs?: number
  /** Proves who may go on with the session. */
  readonly secret?: string
  /** The session that the client asked for goes on. */
  readonly resumed?: boolean
  /** Resumed: in another process of the broker, which knows nothing of consumers of queues. */
  readonly moved?: boolean
  /** Resumed: the last frame of the client that the broker took. */
  readonly lastId?: number
  /** Resumed: how many messages for this client were lost meanwhile. */
  readonly lost?: number
}

export class Handshake {
  readonly #identity: Identity & Wishes
  readonly #credential: Credential
  readonly #hmac: Hmac
  readonly #nonce = hex(crypto.getRandomValues(new Uint8Array(16)))
  #brokerNonce: string | undefined

  constructor(identity: Identity & Wishes, credential: Credential, hmac: Hmac) {
    this.#identity = identity
    this.#credential = credential
    this.#hmac = hmac
  }

  get #isChallenge(): boolean {
    return this.#credential.auth === 'challenge' && this.#credential.token !== undefined
  }

  /** The first frame. */
  hello(): FrameInit {
    const { token } = this.#credential
    const auth = token === undefined ? {} : { auth: this.#isChallenge ? { nonce: this.#nonce } : { token } }
    const body = { protocol: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION }, ...this.#identity, ...auth }
    return { kind: Kind.hello, payload: encode(body, { ignoreUndefined: true }) }
  }

  /**
   * The next frame to send, or the welcome that ends the handshake.
   * @throws BrokerError what a goodbye or error says; `auth.failed` when the broker does not prove that it knows the
   * token; `handshake.expected` for anything else
   */
  receive(frame: Frame): FrameInit | Welcome {
    if (frame.kind === Kind.goodbye || frame.kind === Kind.error) throw errorOf(frame)
    if (frame.kind === Kind.challenge && this.#isChallenge && this.#brokerNonce === undefined) {
      this.#brokerNonce = (decode(frame.payload) as { readonly nonce: string }).nonce
      return { kind: Kind.proof, payload: encode({ mac: this.#mac('callboard-proof-v1') }) }
    }
    if (frame.kind !== Kind.welcome) throw new BrokerError('handshake.expected', { expected: 'challenge or welcome', actual: `kind ${frame.kind}` })
    const welcome = decode(frame.payload) as Welcome
    if (this.#isChallenge && !isEqual(welcome.mac ?? '', this.#mac('callboard-welcome-v1'))) throw new BrokerError('auth.failed', { principal: this.#principal })
    return welcome
  }

  get #principal(): string {
    return this.#identity.principal ?? DEFAULT_PRINCIPAL
  }

  #mac(label: string): string {
    const utf8 = new TextEncoder()
    const text = [label, this.#brokerNonce ?? '', this.#nonce, this.#principal].join('\n')
    return hex(this.#hmac(utf8.encode(this.#credential.token ?? ''), utf8.encode(text)))
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

// Takes as long for a wrong first digit as for a wrong last one.
function isEqual(actual: string, expected: string): boolean {
  let difference = actual.length ^ expected.length
  for (let i = 0; i < expected.length; i++) difference |= actual.charCodeAt(i) ^ expected.charCodeAt(i)
  return difference === 0
}
