// All instances of one name, and which of them gets a message.

import type { ServiceTarget, ServiceWish } from '../ground/registry.ts'
import type { Balancing } from '../ground/registry-settings.ts'
import type { Instance } from './instance.ts'
import { Pool, type VersionWeight } from './pool.ts'
import { readRange } from './version.ts'

/** Ranges of versions that requesters name and that are kept sorted out; past it the oldest goes. */
const MAX_RANGES = 16

interface Balance {
  readonly balancing: Balancing
  readonly weights: readonly VersionWeight[]
}

export class Service implements ServiceTarget {
  readonly name: string
  /** By instance id. */
  readonly instances = new Map<string, Instance>()
  readonly #balance: Balance
  readonly #all: Pool
  /** By range as requesters write it. */
  readonly #pools = new Map<string, Pool>()

  constructor(name: string, balance: Balance) {
    this.name = name
    this.#balance = balance
    this.#all = this.#pool(undefined)
  }

  get balancing(): Balancing {
    return this.#balance.balancing
  }

  /** New, or something of it has changed. */
  place(instance: Instance): void {
    this.instances.set(instance.instance, instance)
    this.#all.place(instance)
    for (const pool of this.#pools.values()) pool.place(instance)
  }

  remove(instance: Instance): void {
    if (this.instances.get(instance.instance) === instance) this.instances.delete(instance.instance)
    this.#all.remove(instance)
    for (const pool of this.#pools.values()) pool.remove(instance)
  }

  choose(wish: ServiceWish | undefined, client: string, except: number): Instance | undefined {
    const key = wish?.affinity ?? (this.#balance.balancing === 'sticky' ? client : undefined)
    const pool = wish?.version === undefined ? this.#all : this.#of(wish.version)
    return pool.take(key, except === 0 ? undefined : ({ owner }) => owner.number === except)
  }

  check({ version }: ServiceWish): void {
    if (version !== undefined) this.#of(version)
  }

  /** @throws BrokerError `registry.bad_version` */
  #of(version: string): Pool {
    const known = this.#pools.get(version)
    if (known !== undefined) return known
    const pool = this.#pool(version)
    for (const instance of this.instances.values()) pool.place(instance)
    if (this.#pools.size >= MAX_RANGES) this.#forget()
    this.#pools.set(version, pool)
    return pool
  }

  #forget(): void {
    const [range, pool] = this.#pools.entries().next().value!
    this.#pools.delete(range)
    // Its places must not be told of changes any more.
    for (const instance of this.instances.values()) pool.remove(instance)
  }

  #pool(version: string | undefined): Pool {
    const { weights, balancing } = this.#balance
    return new Pool(version === undefined ? undefined : readRange(version), weights, balancing)
  }
}
