// Consistent hashing: the same key goes to the same instance, and when one comes or goes only the keys that it gets or had
// move. Each has points on a ring of 2^32 by its own name and weight, whoever else is there; a key belongs to the next one.
//
// Changes are gathered until a key is asked for, and put in order together then: one pass over the points for a thousand
// instances that came at once, as for one.

import { hash32, mix32 } from './hash.ts'

/** Points of an instance of weight 100: shares differ by about 1/√POINTS, 8 %. */
const POINTS = 160
const DEFAULT_WEIGHT = 100
/** Between the seeds of an instance's points: 2^32 divided by the golden ratio. */
const STRIDE = 0x9e3779b9
/** What a point is multiplied by to leave room for the place of its item: 2^32 · 2^20 is below 2^53. */
const PLACES = 2 ** 20

export interface Hashed {
  /** Unlike that of all others. */
  readonly instance: string
  readonly weight: number
}

export class Ring<T extends Hashed> {
  /** By place. */
  readonly #items: (T | undefined)[] = []
  readonly #places = new Map<T, number>()
  readonly #free: number[] = []
  /** In order: point · 2^20 + place of the item. */
  #points: Float64Array = new Float64Array(0)
  readonly #added = new Set<T>()
  readonly #removed = new Set<number>()

  get size(): number {
    return this.#places.size
  }

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
    // Its place is free again when its points are gone.
    if (this.#added.delete(item)) this.#free.push(place)
    else this.#removed.add(place)
  }

  /** Who has the key; undefined: nobody is there whom `isOut` leaves in. */
  of(key: string, isOut?: (item: T) => boolean): T | undefined {
    if (this.#added.size > 0 || this.#removed.size > 0) this.#settle()
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
      const item = this.#items[points[(low + i) % length]! % PLACES]!
      if (isOut === undefined || !isOut(item)) return item
    }
    return undefined
  }

  #settle(): void {
    const kept = this.#removed.size === 0 ? this.#points : this.#points.filter((point) => !this.#removed.has(point % PLACES))
    this.#free.push(...this.#removed)
    this.#removed.clear()
    const fresh = Float64Array.from([...this.#added].flatMap((item) => pointsOf(item, this.#places.get(item)!))).sort()
    this.#added.clear()
    this.#points = fresh.length === 0 ? kept : merged(kept, fresh)
  }
}

function pointsOf({ instance, weight }: Hashed, place: number): number[] {
  const seed = hash32(instance)
  const count = Math.max(1, Math.round((POINTS * weight) / DEFAULT_WEIGHT))
  return Array.from({ length: count }, (_, i) => mix32(seed + Math.imul(i + 1, STRIDE)) * PLACES + place)
}

function merged(a: Float64Array, b: Float64Array): Float64Array {
  const all = new Float64Array(a.length + b.length)
  let [i, j] = [0, 0]
  for (let at = 0; at < all.length; at++) all[at] = j >= b.length || (i < a.length && a[i]! < b[j]!) ? a[i++]! : b[j++]!
  return all
}
