// Consistent hashing: the same key goes to the same instance, and when one comes or goes only the keys that it gets or had
// move. Each has points on a ring of 2^32 by its own name and weight, whoever else is there; a key belongs to the next one.
//
// Those that come are gathered until a key is asked for, and put in order together then: one pass over the points for a
// thousand as for one. The points of those that went are passed by, and swept when they are a quarter of all.

import { hash32, mix32 } from './hash.ts'

/** Points of an instance of weight 100: shares differ by about 1/√POINTS, 10 %. */
const POINTS = 100
const DEFAULT_WEIGHT = 100
/** Between the seeds of an instance's points: 2^32 divided by the golden ratio. */
const STRIDE = 0x9e3779b9
/** What a point is multiplied by to leave room for the place of its item: 2^32 · 2^20 is below 2^53. */
const PLACES = 2 ** 20

/** Share of the points that may be nobody's. */
const MAX_DEAD = 0.25

interface Hashed {
  /** Unlike that of all others. */
  readonly instance: string
  readonly weight: number
}

export class Ring<T extends Hashed> {
  /** By place; undefined: it went, and its points are still there. */
  readonly #items: (T | undefined)[] = []
  readonly #places = new Map<T, number>()
  readonly #free: number[] = []
  /** In order: point · 2^20 + place of the item. */
  #points: Float64Array = new Float64Array(0)
  readonly #added = new Set<T>()
  /** Places whose points are nobody's, and how many those are. */
  readonly #dead: number[] = []
  #deadPoints = 0

  add(item: T): void {
    const place = this.#free.pop() ?? this.#items.length
    this.#items[place] = item
    this.#places.set(item, place)
    this.#added.add(item)
  }

  remove(item: T): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#places.delete(item)
    this.#items[place] = undefined
    if (this.#added.delete(item)) {
      this.#free.push(place)
      return
    }
    // Its place is free again when its points are swept.
    this.#dead.push(place)
    this.#deadPoints += pointCount(item)
    if (this.#deadPoints > this.#points.length * MAX_DEAD) this.#sweep()
  }

  /** Who has the key; undefined: nobody is there whom `isOut` leaves in. */
  of(key: string, isOut?: (item: T) => boolean): T | undefined {
    if (this.#added.size > 0) this.#settle()
    const points = this.#points
    const { length } = points
    const wanted = hash32(key) * PLACES
    let [low, high] = [0, length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (points[middle]! < wanted) low = middle + 1
      else high = middle
    }
    for (let i = 0; i < length; i++) {
      const item = this.#items[points[(low + i) % length]! % PLACES]
      if (item !== undefined && (isOut === undefined || !isOut(item))) return item
    }
    return undefined
  }

  #settle(): void {
    let count = 0
    for (const item of this.#added) count += pointCount(item)
    const fresh = new Float64Array(count)
    let at = 0
    for (const item of this.#added) at = writePoints(fresh, at, item, this.#places.get(item)!)
    this.#added.clear()
    fresh.sort()
    this.#points = merged(this.#points, fresh)
  }

  #sweep(): void {
    const { length } = this.#points
    const kept = new Float64Array(length)
    let at = 0
    for (let i = 0; i < length; i++) {
      const point = this.#points[i]!
      if (this.#items[point % PLACES] !== undefined) kept[at++] = point
    }
    this.#points = kept.slice(0, at)
    this.#free.push(...this.#dead.splice(0))
    this.#deadPoints = 0
  }
}

function pointCount({ weight }: Hashed): number {
  return Math.max(1, Math.round((POINTS * weight) / DEFAULT_WEIGHT))
}

function writePoints(points: Float64Array, start: number, item: Hashed, place: number): number {
  const seed = hash32(item.instance)
  const count = pointCount(item)
  for (let i = 0; i < count; i++) points[start + i] = mix32(seed + Math.imul(i + 1, STRIDE)) * PLACES + place
  return start + count
}

function merged(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length === 0) return b
  const all = new Float64Array(a.length + b.length)
  let [i, j] = [0, 0]
  for (let at = 0; at < all.length; at++) all[at] = j >= b.length || (i < a.length && a[i]! < b[j]!) ? a[i++]! : b[j++]!
  return all
}
