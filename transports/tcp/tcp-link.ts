// A link over a connected TCP socket, on which NATS is spoken.

import type { Socket } from 'node:net'
import type { BrokerError } from '../../broker/ground/errors.ts'
import type { Peer } from '../../broker/ground/types.ts'
import type { Doorkeeper } from '../doorkeeper.ts'
import { StreamLink } from '../stream-link.ts'

export class TcpLink extends StreamLink {
  readonly #doorkeeper: Doorkeeper

  constructor(socket: Socket, peer: Peer, doorkeeper: Doorkeeper) {
    super(socket, peer)
    this.#doorkeeper = doorkeeper
  }

  get protocol(): 'nats' {
    return 'nats'
  }

  /** There is no room for it, or it came the wrong way: the owner is told why, and says it to the other end. */
  turnAway(problem: BrokerError): void {
    this.handler.ended(problem)
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
