// A link over a connected TCP socket, on which NATS is spoken.

import type { Socket } from 'node:net'
import type { BrokerError } from '../../broker/ground/errors.ts'
import type { LinkHandler, Peer } from '../../broker/ground/types.ts'
import type { Doorkeeper } from '../doorkeeper.ts'
import { StreamLink } from '../stream-link.ts'

export class TcpLink extends StreamLink {
  readonly #doorkeeper: Doorkeeper
  #isOwned = false

  constructor(socket: Socket, peer: Peer, doorkeeper: Doorkeeper) {
    super(socket, peer)
    this.#doorkeeper = doorkeeper
  }

  get protocol(): 'nats' {
    return 'nats'
  }

  /** There is no room for it, or it came the wrong way: the owner is told why, and says it to the other end. */
  turnAway(problem: BrokerError): void {
    if (this.#isOwned) this.handler.ended(problem)
  }

  override attach(handler: LinkHandler): void {
    this.#isOwned = true
    super.attach(handler)
  }

  override destroy(): void {
    // Nobody took it: of such a socket no close is told.
    if (!this.#isOwned) this.#doorkeeper.left?.()
    super.destroy()
  }

  override admitted(maxMessageBytes: number): void {
    super.admitted(maxMessageBytes)
    this.#doorkeeper.admitted()
  }

  override closed(): void {
    this.#doorkeeper.left?.()
    super.closed()
  }
}
