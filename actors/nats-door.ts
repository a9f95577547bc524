// Counts those who come by the NATS port: how many there may be in all, and how many whose clients were not let in yet.

import { BrokerError } from '../broker/ground/errors.ts'
import type { SocketLimits } from '../http/socket-limits.ts'
import type { Doorkeeper } from '../transports/doorkeeper.ts'

export class NatsDoor {
  readonly #limits: SocketLimits
  /** 0 = no limit. Those who are in stay when it changes. */
  maxConnections: number
  #connections = 0

  constructor(limits: SocketLimits, maxConnections: number) {
    this.#limits = limits
    this.maxConnections = maxConnections
  }

  get connections(): number {
    return this.#connections
  }

  /**
   * Counts one in that came by TCP. Programs of this machine share one address, and after a start they come all at once:
   * for them only the limit over all addresses holds.
   * @throws BrokerError `connection.limit`, `gateway.socket_limit`; it is not counted then
   */
  enter(address: string, isLocal: boolean): Doorkeeper {
    this.#checkRoom()
    this.#limits.enter(address, isLocal)
    this.#connections++
    return new Guest(this, this.#limits, address)
  }

  /**
   * Counts one in that came by WebSocket, where whoever opened the port has counted its socket already.
   * @throws BrokerError `connection.limit`; it is not counted then
   */
  enterCounted(): void {
    this.#checkRoom()
    this.#connections++
  }

  left(): void {
    this.#connections--
  }

  #checkRoom(): void {
    const limit = this.maxConnections
    if (limit > 0 && this.#connections >= limit) throw new BrokerError('connection.limit', { limit })
  }
}

class Guest implements Doorkeeper {
  readonly #door: NatsDoor
  readonly #limits: SocketLimits
  readonly #address: string
  #isAdmitted = false

  constructor(door: NatsDoor, limits: SocketLimits, address: string) {
    this.#door = door
    this.#limits = limits
    this.#address = address
  }

  admitted(): void {
    if (this.#isAdmitted) return
    this.#isAdmitted = true
    this.#limits.authenticated(this.#address)
  }

  left(): void {
    this.#door.left()
    this.#limits.leave(this.#address, this.#isAdmitted)
  }
}
