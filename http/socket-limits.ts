// How many sockets there may be, of one address and of all, before and after their clients were let in. The machine itself
// is an address like others: whoever can open sockets here is not yet somebody.

import { BrokerError } from '../broker/ground/errors.ts'

/** 0 = no limit. */
export interface SocketLimitOptions {
  readonly maxUnauthenticatedPerAddress: number
  readonly maxUnauthenticated: number
  readonly maxConnectionsPerAddress: number
}

interface AddressCount {
  all: number
  unauthenticated: number
}

export class SocketLimits {
  readonly #options: SocketLimitOptions
  readonly #addresses = new Map<string, AddressCount>()
  #unauthenticated = 0

  constructor(options: SocketLimitOptions) {
    this.#options = options
  }

  /** Sockets whose clients were not let in yet. */
  get unauthenticated(): number {
    return this.#unauthenticated
  }

  /** Addresses that have sockets. */
  get addresses(): number {
    return this.#addresses.size
  }

  /**
   * Takes a new socket in. `isCrowd`: its address stands for many, of whom no more is asked than to leave room for others.
   * @throws BrokerError `gateway.socket_limit`; it is not counted then
   */
  enter(address: string, isCrowd = false): void {
    const { maxUnauthenticated, maxUnauthenticatedPerAddress, maxConnectionsPerAddress } = this.#options
    const count = this.#addresses.get(address)
    check(count?.all ?? 0, maxConnectionsPerAddress, 'of one address', 'gateway.limits.maxConnectionsPerAddress')
    if (!isCrowd) check(count?.unauthenticated ?? 0, maxUnauthenticatedPerAddress, 'of one address that did not authenticate yet', 'gateway.limits.maxUnauthenticatedPerAddress')
    check(this.#unauthenticated, maxUnauthenticated, 'that did not authenticate yet', 'gateway.limits.maxUnauthenticated')
    this.#unauthenticated++
    if (count === undefined) this.#addresses.set(address, { all: 1, unauthenticated: 1 })
    else {
      count.all++
      count.unauthenticated++
    }
  }

  /** Its client was let in. */
  authenticated(address: string): void {
    this.#unauthenticated--
    this.#addresses.get(address)!.unauthenticated--
  }

  leave(address: string, isAuthenticated: boolean): void {
    if (!isAuthenticated) this.authenticated(address)
    const count = this.#addresses.get(address)!
    if (--count.all === 0) this.#addresses.delete(address)
  }
}

function check(count: number, limit: number, whose: string, key: string): void {
  if (limit > 0 && count >= limit) throw new BrokerError('gateway.socket_limit', { limit, whose, key })
}
