// Takes connected sockets over to TLS. Holds the certificates, and reads them again when asked; knows nothing of what is spoken.

import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls'
import type { Deadlines } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { NatsTlsSettings } from '../../broker/ground/settings.ts'
import type { Log } from '../../broker/ground/types.ts'
import { FailedHandshakes } from './failed-handshakes.ts'

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
  readonly deadlines: Deadlines
  readonly #options: TlsGateOptions
  readonly #failed: FailedHandshakes
  #settings: NatsTlsSettings
  /** Listens nowhere: it is given sockets. */
  #server: Server
  /** Those in their handshake, by the address of the other end, which is what the two sockets of one connection share. */
  readonly #waiting = new Map<string, (secure: TLSSocket) => void>()

  /** @throws BrokerError `config.invalid`: a file cannot be read or used */
  constructor(options: TlsGateOptions) {
    this.#options = options
    this.deadlines = options.deadlines
    this.#failed = new FailedHandshakes(options.log, options.deadlines)
    this.#settings = options.settings
    this.#server = this.#make(options.settings)
  }

  /** Time from the accepted socket to the end of the handshake. ms */
  get handshakeMs(): number {
    return this.#settings.handshakeTimeoutMs
  }

  /** A client may also go on in the clear. */
  get isOptional(): boolean {
    return this.#settings.isOptional === true
  }

  /** A client begins before it is greeted. */
  get isFirst(): boolean {
    return this.#settings.isFirst === true
  }

  /**
   * Reads the files again, or those of other settings. Gives what makes connections from then on go by them; until that is
   * called nothing has changed.
   * @throws BrokerError `config.invalid`: a file cannot be read or used
   */
  prepare(settings: NatsTlsSettings = this.#settings): () => void {
    const server = this.#make(settings)
    return () => {
      this.#settings = settings
      this.#server = server
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

  #make(settings: NatsTlsSettings): Server {
    const { certFile, keyFile, caFile, verify } = settings
    let server: Server
    try {
      const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) }
      // Where no client is asked for a certificate the authority is looked at, and stays away: OpenSSL would send it along to clients,
      // where `cert` holds one certificate alone, and nats-server does not.
      if (!verify) createSecureContext(ca)
      server = createServer({
        cert: readFileSync(certFile),
        key: readFileSync(keyFile),
        ...(verify ? ca : {}),
        minVersion: 'TLSv1.2',
        requestCert: verify,
        rejectUnauthorized: verify,
        handshakeTimeout: NODE_HANDSHAKE_MS,
      })
    } catch (error) {
      throw this.#unusable(error)
    }
    server.on('secureConnection', (secure) => this.#secured(secure))
    server.on('tlsClientError', (error) => this.#failed.add(error.message))
    return server
  }

  #unusable(error: unknown): BrokerError {
    return new BrokerError('config.invalid', { problem: `the files of ${this.#options.block} cannot be used: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
