// Listens on a TCP port, where NATS is spoken. Makes links; knows nothing of who is let in.

import { createServer, type Server, type Socket } from 'node:net'
import { BrokerError, type ErrorCode } from '../../broker/ground/errors.ts'
import type { Link, Listener, Log } from '../../broker/ground/types.ts'
import type { Doorkeeper } from '../doorkeeper.ts'
import type { ListeningSockets } from '../listening-sockets.ts'
import { isLoopback, plainAddress, tcpPeer, withPort } from './address.ts'
import { bindTcp, unbind } from './bind.ts'
import { TcpLink } from './tcp-link.ts'
import type { TlsGate } from './tls-gate.ts'
import { TlsLink } from './tls-link.ts'

export interface TcpListenerOptions {
  readonly host: string
  /** 0 = any that is free */
  readonly port: number
  readonly log: Log
  /** What a process before this one may listen on already. */
  readonly sockets?: ListeningSockets | undefined
  /** Prepares an accepted socket, such as its keep-alive. */
  readonly prepare: (socket: Socket) => void
  /** undefined: no TLS. */
  readonly tls: TlsGate | undefined
  /** Counts a socket in. `isLocal`: it comes from this machine. @throws BrokerError when there is no room for it */
  readonly enter: (address: string, isLocal: boolean) => Doorkeeper
  /** Told of who was turned away, with a code of the table of errors. */
  readonly onRefused: (address: string, code: ErrorCode) => void
  /** Called for each new link, which is paused until its owner resumes it. */
  readonly onLink: (link: Link) => void
}

/** Refused sockets at a time that are told why; more are cut at once. */
const MAX_TURNED_AWAY = 64

export class TcpListener implements Listener {
  readonly address: string
  readonly port: number
  readonly #server: Server
  readonly #options: TcpListenerOptions
  #turnedAway = 0

  /**
   * Opens the port.
   * @throws BrokerError `listener.failed`
   */
  static async open(options: TcpListenerOptions): Promise<TcpListener> {
    const { host, log } = options
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
    const port = await bindTcp(server, host, options.port, 'nats', options.sockets)
    server.on('error', (error) => log.error({ err: error }, 'the NATS port failed'))
    if (!isLoopback(host) && options.tls === undefined) log.warn({ host }, 'the NATS port listens beyond this machine, and without TLS: who is on the way can read along')
    return new TcpListener(server, port, options)
  }

  private constructor(server: Server, port: number, options: TcpListenerOptions) {
    this.#server = server
    this.#options = options
    this.port = port
    this.address = `${options.tls === undefined ? 'nats' : 'tls'}://${withPort(options.host, port)}`
    server.on('connection', (socket) => this.#accept(socket))
  }

  /** Stops accepting; links stay. */
  close(): Promise<void> {
    return unbind(this.#server)
  }

  #accept(socket: Socket): void {
    // Whoever broke off already is nobody.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const address = plainAddress(socket.remoteAddress)
    const peer = tcpPeer(socket, address)
    const { enter, onRefused, onLink, prepare, tls } = this.#options
    let doorkeeper: Doorkeeper
    let problem: BrokerError | undefined
    try {
      doorkeeper = enter(address, peer.network === 'local')
    } catch (error) {
      problem = BrokerError.from(error)
      onRefused(address, problem.code)
      if (this.#turnedAway >= MAX_TURNED_AWAY) return void socket.destroy()
      this.#turnedAway++
      doorkeeper = { admitted() {}, left: () => this.#turnedAway-- }
    }
    prepare(socket)
    const link = tls === undefined ? new TcpLink(socket, peer, doorkeeper) : new TlsLink(socket, peer, doorkeeper, tls)
    onLink(link)
    if (problem !== undefined) link.turnAway(problem)
  }
}
