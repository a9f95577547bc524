// Whose turn it is among instances: the one with the least to do for its weight, and among equals the one that has waited
// longest for its weight. A binary heap that knows each entry's place, so that choosing and changing are O(log n).
//
// Turns are those of start-time fair queueing: each entry has a time at which its next turn begins, and a turn takes
// 1/weight. Who was not there for a while begins now, not then: it does not catch up.

/** What stands in an order. */
interface Weighed {
  /** Above 0. */
  readonly weight: number
  /** Open requests. */
  readonly outstanding: number
}

/** An instance's place in an order by load; it must be told when the instance's load has changed. */
export interface LoadEntry {
  changed(): void
}

class Entry<T extends Weighed> implements LoadEntry {
  readonly item: T
  readonly #turns: Turns<T>
  at = -1
  /** When its next turn begins. */
  turn = 0

  constructor(item: T, turns: Turns<T>) {
    this.item = item
    this.#turns = turns
  }

  changed(): void {
    this.#turns.changed(this)
  }
}

export class Turns<T extends Weighed> {
  readonly #isByLoad: boolean
  readonly #heap: Entry<T>[] = []
  readonly #entries = new Map<T, Entry<T>>()
  /** When the last turn began. */
  #now = 0

  /** `isByLoad`: whoever has the least to do goes first; otherwise all take turns by their weights. */
  constructor(isByLoad: boolean) {
    this.#isByLoad = isByLoad
  }

  /** Its place, which by load must be told of changes. */
  add(item: T): LoadEntry {
    const entry = new Entry(item, this)
    entry.turn = this.#now
    this.#entries.set(item, entry)
    entry.at = this.#heap.length
    this.#heap.push(entry)
    this.#up(entry)
    return entry
  }

  /** The place that it had; undefined: it was not there. */
  remove(item: T): LoadEntry | undefined {
    const entry = this.#entries.get(item)
    if (entry === undefined) return undefined
    this.#entries.delete(item)
    const last = this.#heap.pop()!
    if (last !== entry) {
      this.#put(last, entry.at)
      this.changed(last)
    }
    entry.at = -1
    return entry
  }

  /** Takes the next turn; undefined: nobody is there whom `isOut` leaves in. */
  take(isOut?: (item: T) => boolean): T | undefined {
    const entry = isOut === undefined ? this.#heap[0] : this.#first(isOut)
    if (entry === undefined) return undefined
    if (entry.turn > this.#now) this.#now = entry.turn
    entry.turn = this.#now + 1 / entry.item.weight
    this.#down(entry)
    return entry.item
  }

  /** What its item has to do is more or less than it was. */
  changed(entry: Entry<T>): void {
    if (entry.at < 0) return
    this.#up(entry)
    this.#down(entry)
  }

  // Walked through: few messages leave somebody out, and those that do mostly leave out one.
  #first(isOut: (item: T) => boolean): Entry<T> | undefined {
    const heap = this.#heap
    if (heap.length === 0 || !isOut(heap[0]!.item)) return heap[0]
    let first: Entry<T> | undefined
    for (const entry of heap) if (!isOut(entry.item) && (first === undefined || this.#precedes(entry, first))) first = entry
    return first
  }

  #precedes(a: Entry<T>, b: Entry<T>): boolean {
    if (this.#isByLoad) {
      // a.outstanding / a.weight < b.outstanding / b.weight, in whole numbers.
      const difference = a.item.outstanding * b.item.weight - b.item.outstanding * a.item.weight
      if (difference !== 0) return difference < 0
    }
    return a.turn < b.turn
  }

  #up(entry: Entry<T>): void {
    let { at } = entry
    while (at > 0) {
      const parent = this.#heap[(at - 1) >> 1]!
      if (!this.#precedes(entry, parent)) break
      this.#put(parent, at)
      at = (at - 1) >> 1
    }
    this.#put(entry, at)
  }

  #down(entry: Entry<T>): void {
    const heap = this.#heap
    let { at } = entry
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= heap.length) break
      if (childAt + 1 < heap.length && this.#precedes(heap[childAt + 1]!, heap[childAt]!)) childAt++
      const child = heap[childAt]!
      if (!this.#precedes(child, entry)) break
      this.#put(child, at)
      at = childAt
    }
    this.#put(entry, at)
  }

  #put(entry: Entry<T>, at: number): void {
    this.#heap[at] = entry
    entry.at = at
  }
}
