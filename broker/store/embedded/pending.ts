// What waits for its answer, by consecutive numbers, without a hash for each.

/** Answered places at the front before the rest is moved up. */
const COMPACT_AT = 4096

export class Pending<Item> {
  #items: (Item | undefined)[] = []
  /** Number of the first place. */
  #base = 0
  /** Places at the front that are answered. */
  #done = 0
  size = 0

  /** Gives the number of what was added. */
  add(item: Item): number {
    this.size++
    return this.#base + this.#items.push(item) - 1
  }

  get next(): number {
    return this.#base + this.#items.length
  }

  get(number: number): Item | undefined {
    return this.#items[number - this.#base]
  }

  remove(number: number): void {
    if (this.#items[number - this.#base] === undefined) return
    this.#items[number - this.#base] = undefined
    this.size--
    while (this.#done < this.#items.length && this.#items[this.#done] === undefined) this.#done++
    if (this.#done < COMPACT_AT || this.#done * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#done)
    this.#base += this.#done
    this.#done = 0
  }

  /** All of them, taken out. */
  takeAll(): Item[] {
    const items = this.#items.filter((item) => item !== undefined)
    this.#base = this.next
    this.#items = []
    this.#done = this.size = 0
    return items
  }
}
