// The instances of one name that a message may go to, in the order in which it is tried: healthy ones, then the unhealthy.

import type { Balancing } from '../ground/registry-settings.ts'
import type Range from 'semver/classes/range.js'
import type { Instance } from './instance.ts'
import { Ring } from './ring.ts'
import { Shares, type Share } from './shares.ts'
import { Turns } from './turns.ts'

/** Versions, and their share of the messages. */
export interface VersionWeight {
  /** undefined: all that are in no other. */
  readonly range: Range | undefined
  readonly weight: number
}

type IsOut = (instance: Instance) => boolean

/** Instances of some versions: whose turn it is, and who has which key. */
class Group implements Share {
  readonly weight: number
  readonly #turns: Turns<Instance>
  readonly #isByLoad: boolean
  /** Made when the first key comes. */
  #ring: Ring<Instance> | undefined
  readonly #instances = new Set<Instance>()
  turn = 0

  constructor(weight: number, isByLoad: boolean) {
    this.weight = weight
    this.#isByLoad = isByLoad
    this.#turns = new Turns(isByLoad)
  }

  get size(): number {
    return this.#instances.size
  }

  add(instance: Instance): void {
    this.#instances.add(instance)
    this.#ring?.add(instance)
    const place = this.#turns.add(instance)
    if (this.#isByLoad) instance.places.push(place)
  }

  remove(instance: Instance): void {
    if (!this.#instances.delete(instance)) return
    this.#ring?.remove(instance)
    const at = instance.places.indexOf(this.#turns.remove(instance)!)
    if (at >= 0) instance.places.splice(at, 1)
  }

  isOnly(isOut: IsOut): boolean {
    for (const instance of this.#instances) if (!isOut(instance)) return false
    return true
  }

  take(key: string | undefined, isOut: IsOut | undefined): Instance | undefined {
    return key === undefined ? this.#turns.take(isOut) : this.#keys().of(key, isOut)
  }

  #keys(): Ring<Instance> {
    if (this.#ring !== undefined) return this.#ring
    this.#ring = new Ring()
    for (const instance of this.#instances) this.#ring.add(instance)
    return this.#ring
  }
}

const hasNobody = ({ size }: Group): boolean => size === 0

/** Instances of the same health. */
class Tier {
  readonly #weights: readonly VersionWeight[]
  readonly #shares: Shares<Group>
  readonly #groups = new Map<Instance, Group>()

  constructor(weights: readonly VersionWeight[], isByLoad: boolean) {
    this.#weights = weights
    this.#shares = new Shares(weights.map(({ weight }) => new Group(weight, isByLoad)))
  }

  add(instance: Instance): void {
    const at = this.#weights.findIndex(({ range }) => range === undefined || range.test(instance.version))
    const group = this.#shares.all[at]!
    this.#groups.set(instance, group)
    group.add(instance)
  }

  remove(instance: Instance): void {
    this.#groups.get(instance)?.remove(instance)
    this.#groups.delete(instance)
  }

  take(key: string | undefined, isOut: IsOut | undefined): Instance | undefined {
    if (this.#groups.size === 0) return undefined
    const { all } = this.#shares
    if (all.length === 1) return all[0]!.take(key, isOut)
    const isEmpty = isOut === undefined ? hasNobody : (group: Group): boolean => group.isOnly(isOut)
    const group = key === undefined ? this.#shares.take(isEmpty) : this.#shares.of(key, isEmpty)
    return group?.take(key, isOut)
  }
}

export class Pool {
  readonly range: Range | undefined
  readonly #healthy: Tier
  readonly #unhealthy: Tier

  /** `range`: of these versions alone; undefined: of all. `weights` end with one that has no range. */
  constructor(range: Range | undefined, weights: readonly VersionWeight[], balancing: Balancing) {
    this.range = range
    const isByLoad = balancing === 'least_outstanding'
    this.#healthy = new Tier(weights, isByLoad)
    this.#unhealthy = new Tier(weights, isByLoad)
  }

  /** Puts it where it belongs now: it is new, or something of it has changed. */
  place(instance: Instance): void {
    this.remove(instance)
    if (!instance.takesRequests || this.range?.test(instance.version) === false) return
    if (instance.health === 'healthy') this.#healthy.add(instance)
    else this.#unhealthy.add(instance)
  }

  remove(instance: Instance): void {
    this.#healthy.remove(instance)
    this.#unhealthy.remove(instance)
  }

  /** Who gets the next message; with a key, who gets all with that key. */
  take(key: string | undefined, isOut?: IsOut): Instance | undefined {
    return this.#healthy.take(key, isOut) ?? this.#unhealthy.take(key, isOut)
  }
}
