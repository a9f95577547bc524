// A link over a TCP socket whose client is greeted in the clear and then must begin TLS, as NATS has it; where the handshake is
// to come first, the greeting waits for it.
//
//   plain ── first byte 0x16 ──▶ handshake ── done ──▶ secure
//     │                              ╰ too late, no certificate: the socket closes
//     ╰── anything else ▶ told that TLS is required, or, where it is not: open
//   first ─ the same, but what is written waits, and anything else closes the socket

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
  #state: 'first' | 'plain' | 'refused' | 'open' | 'handshake' | 'secure'
  /** Written before the handshake was done. */
  #held: readonly Uint8Array[] | undefined

  constructor(socket: Socket, peer: Peer, doorkeeper: Doorkeeper, gate: TlsGate) {
    super(socket, peer, doorkeeper)
    this.#gate = gate
    this.#state = gate.isFirst ? 'first' : 'plain'
    this.#deadline = new Deadline(() => this.turnAway(new BrokerError('tls.handshake_timeout', { limitMs: gate.handshakeMs })))
  }

  override attach(handler: LinkHandler): void {
    super.attach(handler)
    // Who need not begin has the time that everybody has to authenticate.
    if (this.#state === 'first' || (this.#state === 'plain' && !this.#gate.isOptional)) this.#watchTime()
  }

  override write(pieces: readonly Uint8Array[]): boolean {
    if (!this.#isHolding) return super.write(pieces)
    this.#held = pieces
    return false
  }

  override close(): void {
    // Before the end of a handshake nothing can be said.
    if (this.#isHolding) this.socket.destroy()
    else super.close()
  }

  override arrived(chunk: Buffer): void {
    if (this.#isUndecided) this.#decide(chunk)
    // What follows a refusal is passed by.
    else if (this.#state !== 'refused') super.arrived(chunk)
  }

  override closed(): void {
    this.#gate.deadlines.cancel(this.#deadline)
    if (this.#state === 'handshake') this.brokeOff(new Error('the TLS handshake failed'))
    super.closed()
  }

  protected override steer(): void {
    if (this.#state !== 'handshake') super.steer()
  }

  get #isUndecided(): boolean {
    return this.#state === 'plain' || this.#state === 'first'
  }

  get #isHolding(): boolean {
    return this.#state === 'handshake' || this.#state === 'first'
  }

  #watchTime(): void {
    this.#gate.deadlines.set(this.#deadline, this.#gate.handshakeMs)
  }

  #decide(first: Buffer): void {
    if (first[0] === HANDSHAKE) return this.#begin(first)
    this.#gate.deadlines.cancel(this.#deadline)
    if (this.#gate.isOptional && this.#state === 'plain') {
      this.#state = 'open'
      return super.arrived(first)
    }
    const isGreeted = this.#state === 'plain'
    this.#state = 'refused'
    if (isGreeted) this.turnAway(new BrokerError('tls.required'))
    else this.socket.destroy()
  }

  #begin(hello: Buffer): void {
    const plain = this.socket
    this.#state = 'handshake'
    if (this.#gate.isOptional) this.#watchTime()
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
