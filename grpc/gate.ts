// Lets calls in: before a byte of a call's message is read, its client must be known. An interceptor of the server.

import { Metadata, status as Code, type ServerInterceptingCallInterface, type ServerInterceptor } from '@grpc/grpc-js'
import { Challenged, type Caller } from './caller.ts'
import type { ConnectionEnd } from './connection-end.ts'
import { credentialOf } from './credential.ts'
import { statusOf } from './status.ts'
import { BrokerError } from '../broker/ground/errors.ts'

/** What is known of a call that was let in. */
export interface Admitted {
  readonly caller: Caller
  /** The connection that its messages are sent on; undefined for calls that open one of their own. */
  readonly end: ConnectionEnd | undefined
  /** Who its credential is of. */
  readonly principal: string
  /** Resets the stream of HTTP/2. */
  readonly reset: () => void
}

export interface GateOptions {
  /** Whose socket a call came on, by what the library calls its peer. */
  readonly callerOf: (peer: string) => Caller | undefined
  /** True for the token of a principal. */
  readonly isToken: (principal: string, token: string) => boolean
  /** Names that the health service knows. */
  readonly healthNames: readonly string[]
}

/** Open to everybody who may connect: it says no more than that somebody is there. */
const HEALTH = '/grpc.health.v1.Health/'
/** Largest message there: a name, which anybody may send, as with other transports before a client is known. bytes */
const MAX_HEALTH_BYTES = 8 * 1024
/** The library keeps each name that was ever watched, so that those it does not know are watched as this one. */
const UNKNOWN_SERVICE = { service: 'unknown' }
/** These open connections of their own, when it is known what they want. */
const openers = ['/callboard.v1.GatewayService/Subscribe', '/callboard.v1.GatewayService/RegisterAgent']
/** RFC 9113 section 7 */
const CANCEL = 8

export class Gate {
  readonly #options: GateOptions
  // By the metadata of the call, which is what the library hands on.
  readonly #admitted = new WeakMap<Metadata, Admitted>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** What is known of the call with that metadata. */
  of(metadata: Metadata): Admitted {
    const admitted = this.#admitted.get(metadata)
    if (admitted === undefined) throw new BrokerError('internal.error', { problem: 'a call passed the gate unseen' })
    return admitted
  }

  readonly interceptor: ServerInterceptor = ({ path }, call) => {
    // The call itself, which asks here first: the library's wrapper costs every message of a stream three calls more.
    const start = call.start.bind(call)
    const isHealth = path.startsWith(HEALTH)
    if (isHealth) limit(call, MAX_HEALTH_BYTES)
    const isWatch = path === `${HEALTH}Watch`
    call.start = (listener) =>
      start({
        onReceiveMetadata: (metadata) => {
          const next = (): void => listener.onReceiveMetadata(metadata)
          // Who presents a credential all the same may stay for longer than a handshake may take.
          if (isHealth && metadata.get('authorization').length === 0) next()
          else this.#judge(path, call, metadata, next)
        },
        onReceiveMessage: (message: unknown) => listener.onReceiveMessage(isWatch ? this.#watched(message as { readonly service: string }) : message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        onCancel: () => listener.onCancel(),
      })
    return call as ReturnType<ServerInterceptor>
  }

  #watched(request: { readonly service: string }): object {
    return this.#options.healthNames.includes(request.service) ? request : UNKNOWN_SERVICE
  }

  #judge(path: string, call: ServerInterceptingCallInterface, metadata: Metadata, next: () => void): void {
    const caller = this.#options.callerOf(call.getPeer())
    // Its socket is gone, or about to go.
    if (caller === undefined) return call.sendStatus({ code: Code.UNAVAILABLE, details: 'the connection is closed' })
    const admit = (end: ConnectionEnd | undefined, principal: string): void => {
      this.#admitted.set(metadata, { caller, end, principal, reset: () => reset(call) })
      const mac = end?.welcome?.mac
      // A stream says it when its subscription stands.
      if (mac !== undefined && !openers.includes(path)) call.sendMetadata(proofOf(mac))
      next()
    }
    try {
      if (openers.includes(path) && this.#mayOpen(metadata)) return admit(undefined, principalOf(metadata))
      const end = caller.unary(metadata)
      if (!(end instanceof Promise)) return admit(end, end.welcome!.principal)
      end.then((made) => admit(made, made.welcome!.principal), (error: unknown) => call.sendStatus(refusal(error)))
    } catch (error) {
      call.sendStatus(refusal(error))
    }
  }

  // A token that is right needs no connection to be known as such; what is wrong is told by the handshake of one.
  #mayOpen(metadata: Metadata): boolean {
    const credential = credentialOf(metadata)
    return credential.kind === 'token' && this.#options.isToken(principalOf(metadata), credential.token)
  }
}

/** The broker's proof for whoever challenged it. */
export function proofOf(mac: string | undefined): Metadata {
  const metadata = new Metadata()
  if (mac !== undefined) metadata.set('callboard-proof', mac)
  return metadata
}

function principalOf(metadata: Metadata): string {
  return String(metadata.get('callboard-principal')[0] ?? 'owner')
}

function refusal(error: unknown): ReturnType<typeof statusOf> {
  if (error instanceof Challenged) return statusOf(new BrokerError('auth.required'), { 'callboard-nonce': error.nonce })
  return statusOf(error)
}

// The library knows one limit for all services. Nothing of the message was read yet.
function limit(call: ServerInterceptingCallInterface, bytes: number): void {
  const limits = call as unknown as { maxReceiveMessageSize: number; readonly decoder: { maxReadMessageLength: number } }
  limits.decoder.maxReadMessageLength = bytes
  // What it may be when it is unpacked.
  limits.maxReceiveMessageSize = bytes
}

// The library has no word for it: a status waits behind what the client does not read.
function reset(call: ServerInterceptingCallInterface): void {
  const { stream } = call as ServerInterceptingCallInterface & { readonly stream?: { close(code: number): void } }
  stream?.close(CANCEL)
}
