// A link over a TCP socket whose client is greeted in the clear and then must begin TLS, as NATS has it.
//
//   plain ── first byte 0x16 ──▶ handshake ── done ──▶ secure
//     ╰── anything else ▶ told that TLS is required     ╰ too late, no certificate: the socket closes

import type { Socket } from 'node:net'
import { Deadline } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { LinkHandler, Peer } from '../../broker/ground/types.ts'
import type { Doorkeeper } from '../doorkeeper.ts'
import { listenTo, stopListening, stopReading } from '../linked-socket.ts'
import { TcpLink } from './tcp-link.ts'
import type { TlsGate } from './tls-gate.ts'

/** RFC 8446 5.1: the type of a handshake record, with which a client begins. */
const HANDSHAKE = 0x16

export class TlsLink extends TcpLink {
  readonly #gate: TlsGate
  readonly #deadline: Deadline
  #state: 'plain' | 'refused' | 'handshake' | 'secure' = 'plain'
  /** Written during the handshake. */
  #held: readonly Uint8Array[] | undefined

  constructor(socket: Socket, peer: Peer, doorkeeper: Doorkeeper, gate: TlsGate) {
    super(socket, peer, doorkeeper)
    this.#gate = gate
    this.#deadline = new Deadline(() => this.turnAway(new BrokerError('tls.handshake_timeout', { limitMs: gate.handshakeMs })))
  }

  override attach(handler: LinkHandler): void {
    super.attach(handler)
    if (this.#state === 'plain') this.#gate.deadlines.set(this.#deadline, this.#gate.handshakeMs)
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    if (this.#state !== 'handshake') return super.write(pieces)
    this.#held = pieces
    return false
  }

  override close(): void {
    // In the middle of a handshake nothing can be said.
    if (this.#state === 'handshake') this.socket.destroy()
    else super.close()
  }

  override arrived(chunk: Buffer): void {
    if (this.#state === 'secure') return super.arrived(chunk)
    // What follows a refusal is passed by.
    if (this.#state !== 'plain') return
    if (chunk[0] === HANDSHAKE) return this.#begin(chunk)
    this.#state = 'refused'
    this.#gate.deadlines.cancel(this.#deadline)
    this.turnAway(new BrokerError('tls.required'))
  }

  override closed(): void {
    this.#gate.deadlines.cancel(this.#deadline)
    if (this.#state === 'handshake') this.brokeOff(new Error('the TLS handshake failed'))
    super.closed()
  }

  protected override steer(): void {
    if (this.#state !== 'handshake') super.steer()
  }

  #begin(hello: Buffer): void {
    const plain = this.socket
    this.#state = 'handshake'
    stopReading(plain)
    plain.unshift(hello)
    this.#gate.begin(plain, (secure) => {
      stopListening(plain)
      this.#gate.deadlines.cancel(this.#deadline)
      this.#state = 'secure'
      this.socket = secure
      secure.pause()
      listenTo(secure, this)
      this.steer()
      const held = this.#held
      this.#held = undefined
      if (held !== undefined && super.write(held)) this.written()
    })
  }
}
