// One connection to a NATS server: dialled, let in, and then lines both ways. Knows no subjects of anybody's.
//
//   dial ─▶ INFO ─▶ [TLS] ─▶ CONNECT, PING ─▶ PONG: it is open ─▶ … ─▶ closed, once

import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { BrokerError } from '../../ground/errors.ts'
import type { Authenticator } from './credentials.ts'
import type { ServerAddress } from '../../ground/nats-address.ts'
import { ServerReader, type ServerEvents, type ServerInfo } from './server-reader.ts'

export interface TlsFiles {
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

export interface NatsClientOptions {
  readonly server: ServerAddress
  readonly tls: TlsFiles | undefined
  readonly authenticator: Authenticator
  /** As the server calls this connection. */
  readonly name: string
  readonly version: string
  /** false: it does not get what it publishes itself. */
  readonly echo: boolean
  /** Messages, headers included, of more bytes are passed by. */
  readonly maxMessageBytes: number
  /** Time to be let in. ms */
  readonly timeoutMs: number
  /** Where to dial instead of what the server's name says. */
  readonly address?: string | undefined
}

/** Told what comes once the connection is open. */
export interface NatsClientEvents extends Pick<ServerEvents, 'message' | 'tooLarge'> {
  /** `-ERR` of a kind that leaves the connection open. */
  refused(text: string): void
  /** The server asks to be left. */
  leaving(): void
  /** Called exactly once. */
  closed(problem: BrokerError): void
}

const utf8 = new TextEncoder()
const PING = utf8.encode('PING\r\n')
const PONG = utf8.encode('PONG\r\n')
/** Time for an orderly end. ms */
const CLOSE_MS = 500
/** Errors after which nats-server keeps the connection. */
const BENIGN = /permissions violation|invalid (?:publish )?subject|maximum subscriptions exceeded/i

export class NatsClient {
  readonly server: ServerAddress
  events: NatsClientEvents | undefined
  /** Of the last PING that was answered. ms */
  rttMs = 0
  /** Something came since this was set to false. */
  wasHeard = true
  readonly #options: NatsClientOptions
  readonly #reader: ServerReader
  readonly #opened = Promise.withResolvers<void>()
  readonly #pongs: (() => void)[] = []
  #socket: Socket
  /** Below TLS. */
  readonly #plain: Socket
  #info: ServerInfo | undefined
  #isOpen = false
  #problem: BrokerError | undefined
  readonly #onClosed: ((problem: BrokerError) => void)[] = []
  #isClosed = false
  #isReset = false
  /** Its end is under way, in order. */
  #isEnding = false

  private constructor(options: NatsClientOptions) {
    this.#options = options
    this.server = options.server
    this.#reader = new ServerReader(
      {
        info: (info) => this.#onInfo(info),
        message: (...message) => this.events?.message(...message),
        tooLarge: (...message) => this.events?.tooLarge(...message),
        ping: () => this.write([PONG]),
        pong: () => this.#pongs.shift()?.(),
        refused: (text) => this.#onRefused(text),
      },
      options.maxMessageBytes,
    )
    const { host, port } = options.server
    this.#socket = connectTcp({ host: options.address ?? host, port, noDelay: true, keepAlive: true })
    this.#plain = this.#socket
    this.#listen(this.#socket)
    // TLS has an end of its own above the socket's.
    this.#socket.on('data', this.#received)
  }

  /** Resolves when the server has let it in. @throws BrokerError `bus.unreachable`, `bus.refused`, `bus.protocol` */
  static async open(options: NatsClientOptions): Promise<NatsClient> {
    const client = new NatsClient(options)
    const timer = setTimeout(() => client.#fail(new BrokerError('bus.unreachable', { server: options.server.text, problem: `it did not let this broker in within ${options.timeoutMs} ms` })), options.timeoutMs)
    try {
      await client.#opened.promise
      return client
    } finally {
      clearTimeout(timer)
    }
  }

  get info(): ServerInfo {
    return this.#info!
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Where the server is. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Told when it closes, beside the events; at once when it is closed. */
  onClosed(told: (problem: BrokerError) => void): void {
    if (this.#isClosed) told(this.#problem!)
    else this.#onClosed.push(told)
  }

  /** Bytes that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  write(pieces: readonly Uint8Array[]): void {
    if (this.#isClosed || this.#problem !== undefined) return
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    this.#socket.uncork()
  }

  line(line: string): void {
    this.write([utf8.encode(`${line}\r\n`)])
  }

  /** Calls back when the server has worked off all that was written before; never when the connection is lost first. */
  ping(answered: () => void): void {
    const sentMs = performance.now()
    this.#pongs.push(() => {
      this.rttMs = performance.now() - sentMs
      answered()
    })
    this.write([PING])
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Ends in order: what was written still leaves. Resolves when it is closed, which takes half a second at most. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.onClosed(() => resolve())
    this.#problem ??= new BrokerError('bus.unreachable', { server: this.server.text, problem: 'closed by this broker' })
    this.#isEnding = true
    this.#socket.end()
    const timer = setTimeout(() => this.#reset(), CLOSE_MS)
    return promise.finally(() => clearTimeout(timer))
  }

  /** Ends now, for that reason. */
  destroy(problem: BrokerError): void {
    this.#fail(problem)
  }

  readonly #received = (chunk: Uint8Array): void => {
    if (this.#problem !== undefined) return
    this.wasHeard = true
    try {
      this.#reader.push(chunk)
    } catch (error) {
      const { details } = BrokerError.from(error)
      this.#fail(new BrokerError('bus.protocol', { ...details, server: this.server.text }, { cause: error }))
    }
  }

  #listen(socket: Socket): void {
    socket.on('error', (error) => this.#fail(new BrokerError('bus.unreachable', { server: this.server.text, problem: problemOf(error) }, { cause: error })))
    socket.on('end', () => (this.#isEnding = true))
    socket.on('close', () => {
      this.#isEnding = true
      this.#fail(new BrokerError('bus.unreachable', { server: this.server.text, problem: 'the server closed the connection' }))
      this.#close()
    })
  }

  #onInfo(info: ServerInfo): void {
    const first = this.#info === undefined
    this.#info = info
    if (!first) {
      if (info.isLeaving) this.events?.leaving()
      return
    }
    const { tls, server } = this.#options
    const isWanted = tls !== undefined || server.requiresTls
    if (isWanted && !info.requiresTls && !info.offersTls) return this.#refuse('it does not speak TLS, and the configuration asks for it')
    if (isWanted || info.requiresTls) this.#startTls()
    else this.#connect()
  }

  // RFC 8446: what came in the clear before must not be taken for something that came under TLS.
  #startTls(): void {
    const { tls, server } = this.#options
    const plain = this.#socket
    plain.removeListener('data', this.#received)
    let files
    try {
      files = { ca: contentsOf(tls?.caFile), cert: contentsOf(tls?.certFile), key: contentsOf(tls?.keyFile) }
    } catch (error) {
      return this.#refuse(`a file of bus.nats.tls cannot be read: ${problemOf(error)}`)
    }
    const { ca, cert, key } = files
    const secure = connectTls({ socket: plain, ...(isIP(server.host) === 0 ? { servername: server.host } : {}), host: server.host, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }, () => this.#connect())
    this.#socket = secure
    this.#listen(secure)
    secure.on('data', this.#received)
  }

  #connect(): void {
    const { name, version, echo, authenticator, tls, server } = this.#options
    let identity: object
    try {
      identity = authenticator(this.#info!.nonce)
    } catch (error) {
      return this.#refuse(`the credentials cannot be used: ${problemOf(error)}`)
    }
    this.line(`CONNECT ${JSON.stringify({ verbose: false, pedantic: false, protocol: 1, lang: 'callboard', version, name, echo, headers: true, no_responders: true, tls_required: tls !== undefined || server.requiresTls, ...identity })}`)
    this.ping(() => {
      this.#isOpen = true
      this.#opened.resolve()
    })
  }

  #onRefused(text: string): void {
    if (this.#isOpen && BENIGN.test(text)) this.events?.refused(text)
    else this.#refuse(text)
  }

  #refuse(problem: string): void {
    this.#fail(new BrokerError('bus.refused', { server: this.server.text, problem }))
  }

  #fail(problem: BrokerError): void {
    this.#problem ??= problem
    this.#opened.reject(this.#problem)
    this.#reset()
  }

  // With RST: what the kernel still has would otherwise leave later, when it counts as lost, and behind what is newer.
  #reset(): void {
    if (this.#isReset) return
    this.#isReset = true
    // libuv resets nothing that is shutting down, and Node would then leave it open.
    if (this.#isEnding) this.#plain.destroy()
    else this.#plain.resetAndDestroy()
    this.#socket.destroy()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pongs.length = 0
    this.events?.closed(this.#problem!)
    for (const told of this.#onClosed.splice(0)) told(this.#problem!)
  }
}

function contentsOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8')
}

function problemOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String((error as { code?: unknown }).code ?? error)
}
