// Takes connected sockets over to TLS. Holds the certificates, and reads them again when asked; knows nothing of what is spoken.

import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Deadlines } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { NatsTlsSettings } from '../../broker/ground/settings.ts'
import type { Log } from '../../broker/ground/types.ts'

export interface TlsGateOptions {
  readonly settings: NatsTlsSettings
  /** Where the keys of the settings stand in the configuration: `nats.tls`. */
  readonly block: string
  readonly deadlines: Deadlines
  readonly log: Log
}

/** Longer than the settings may ask for: the time of a handshake is its owner's to watch. ms */
const NODE_HANDSHAKE_MS = 120_000

export class TlsGate {
  /** Time from the accepted socket to the end of the handshake. ms */
  readonly handshakeMs: number
  /** A client may also go on in the clear. */
  readonly isOptional: boolean
  /** A client begins before it is greeted. */
  readonly isFirst: boolean
  readonly deadlines: Deadlines
  readonly #options: TlsGateOptions
  /** Listens nowhere: it is given sockets. */
  readonly #server: Server
  /** Those in their handshake, by the address of the other end, which is what the two sockets of one connection share. */
  readonly #waiting = new Map<string, (secure: TLSSocket) => void>()

  /** @throws BrokerError `config.invalid`: a file cannot be read or used */
  constructor(options: TlsGateOptions) {
    this.#options = options
    this.deadlines = options.deadlines
    this.handshakeMs = options.settings.handshakeTimeoutMs
    const { verify, isOptional = false, isFirst = false } = options.settings
    this.isOptional = isOptional
    this.isFirst = isFirst
    const context = this.#read()
    try {
      this.#server = createServer({ ...context, requestCert: verify, rejectUnauthorized: verify, handshakeTimeout: NODE_HANDSHAKE_MS })
    } catch (error) {
      throw this.#unusable(error)
    }
    this.#server.on('secureConnection', (secure) => this.#secured(secure))
    this.#server.on('tlsClientError', (error) => options.log.info({ problem: error.message }, 'a TLS handshake failed'))
  }

  /**
   * Reads the certificates again; connections from now on get the new ones.
   * @throws BrokerError `config.invalid`: a file cannot be read or used; the old ones stay
   */
  reload(): void {
    const context = this.#read()
    try {
      this.#server.setSecureContext(context)
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  /** Begins the handshake with what the socket has read and not given out; when it fails the socket closes. */
  begin(socket: Socket, secured: (secure: TLSSocket) => void): void {
    const end = endOf(socket)
    this.#waiting.set(end, secured)
    socket.once('close', () => {
      if (this.#waiting.get(end) === secured) this.#waiting.delete(end)
    })
    this.#server.emit('connection', socket)
  }

  #secured(secure: TLSSocket): void {
    const end = endOf(secure)
    const secured = this.#waiting.get(end)
    this.#waiting.delete(end)
    // Gone meanwhile.
    if (secured === undefined) return void secure.destroy()
    secured(secure)
  }

  #read(): TlsOptions {
    const { settings } = this.#options
    try {
      return { cert: readFileSync(settings.certFile), key: readFileSync(settings.keyFile), ...(settings.caFile === undefined ? {} : { ca: readFileSync(settings.caFile) }), minVersion: 'TLSv1.2' }
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  #unusable(error: unknown): BrokerError {
    return new BrokerError('config.invalid', { problem: `the files of ${this.#options.block} cannot be used: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
