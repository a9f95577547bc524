// A socket of the gateway from when it was accepted to when it is gone: counted, and with a time in which it must have
// asked for something.

import type { Socket } from 'node:net'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { SocketLimits } from './socket-limits.ts'

const VISITOR = Symbol('visitor')

interface VisitedSocket extends Socket {
  [VISITOR]?: Visitor
}

/** What all visitors share. */
export interface Reception {
  readonly limits: SocketLimits
  readonly deadlines: Deadlines
  /** Those that did not upgrade. */
  readonly visitors: Set<Visitor>
  /** Called when the time is over. */
  readonly tooLate: (socket: Socket) => void
}

export class Visitor extends Deadline {
  /** In which it is read: the accepted one, or, once that is secure, the one over it. */
  socket: Socket
  readonly address: string
  readonly #reception: Reception
  /** It asked for something that is not an upgrade, and gets an answer and the end. */
  hasAsked = false
  /** Its TLS handshake is over. */
  isSecure = false
  #isAuthenticated = false

  private constructor(socket: Socket, address: string, reception: Reception) {
    super()
    this.socket = socket
    this.address = address
    this.#reception = reception
  }

  /**
   * Counts the socket in; it has `limitMs` for what it wants, or for its TLS handshake. `isCrowd`: see SocketLimits.
   * @throws BrokerError `gateway.socket_limit`
   */
  static enter(socket: VisitedSocket, address: string, reception: Reception, limitMs: number, isCrowd = false): Visitor {
    reception.limits.enter(address, isCrowd)
    const visitor = new Visitor(socket, address, reception)
    reception.visitors.add(visitor)
    reception.deadlines.set(visitor, limitMs)
    socket[VISITOR] = visitor
    socket.on('close', onClose)
    return visitor
  }

  static of(socket: Socket): Visitor {
    return (socket as VisitedSocket)[VISITOR]!
  }

  /** The TLS handshake is over; it has `limitMs` for what it wants. */
  secured(secure: VisitedSocket, limitMs: number): void {
    this.isSecure = true
    this.socket = secure
    secure[VISITOR] = this
    this.#reception.deadlines.set(this, limitMs)
  }

  override expire(): void {
    this.#reception.tooLate(this.socket)
  }

  /** It is a link now: what time it has is up to the link's owner. */
  upgraded(): void {
    this.#reception.deadlines.cancel(this)
    this.#reception.visitors.delete(this)
  }

  /** Its client was let in. */
  admitted(): void {
    if (this.#isAuthenticated) return
    this.#isAuthenticated = true
    this.#reception.limits.authenticated(this.address)
  }

  socketClosed(): void {
    this.upgraded()
    this.#reception.limits.leave(this.address, this.#isAuthenticated)
  }
}

function onClose(this: VisitedSocket): void {
  this[VISITOR]!.socketClosed()
}
