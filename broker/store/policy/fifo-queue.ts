// Positions in the order in which they came, taken from the front without moving the rest.

/** Taken places at the front before the rest is moved up. */
const COMPACT_AT = 256

export class FifoQueue {
  #items: number[] = []
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  push(position: number): void {
    this.#items.push(position)
  }

  /** Puts it before all others. */
  unshift(position: number): void {
    if (this.#first > 0) this.#items[--this.#first] = position
    else this.#items.unshift(position)
  }

  /** The first one, taken out; 0: there is none. */
  shift(): number {
    const position = this.#items[this.#first]
    if (position === undefined) return 0
    if (++this.#first >= COMPACT_AT && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return position
  }

  /** Takes one out, wherever it stands. False: it is not here. */
  remove(position: number): boolean {
    const at = this.#items.indexOf(position, this.#first)
    if (at < 0) return false
    this.#items.splice(at, 1)
    return true
  }
}
