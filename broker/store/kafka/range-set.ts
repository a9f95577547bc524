// A set of whole numbers that are mostly neighbours, as ranges: the positions of a queue that are settled. Pure.

export class RangeSet {
  /** First and last number of each range, in order; none touches the next one. */
  readonly #ranges: [number, number][]

  constructor(ranges: readonly (readonly [number, number])[] = []) {
    this.#ranges = ranges.map(([first, last]) => [first, last])
  }

  get ranges(): readonly (readonly [number, number])[] {
    return this.#ranges
  }

  has(number: number): boolean {
    const range = this.#ranges[this.#at(number)]
    return range !== undefined && range[0] <= number
  }

  /** The first number that is not in it, from that one on. */
  nextFree(number: number): number {
    const range = this.#ranges[this.#at(number)]
    return range !== undefined && range[0] <= number ? range[1] + 1 : number
  }

  add(number: number): void {
    const ranges = this.#ranges
    const at = this.#at(number)
    const after = ranges[at]
    if (after !== undefined && after[0] <= number) return
    const before = ranges[at - 1]
    const touchesAfter = after !== undefined && after[0] === number + 1
    if (before !== undefined && before[1] === number - 1) {
      before[1] = touchesAfter ? after[1] : number
      if (touchesAfter) ranges.splice(at, 1)
    } else if (touchesAfter) after[0] = number
    else ranges.splice(at, 0, [number, number])
  }

  // The first range that does not end before it.
  #at(number: number): number {
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#ranges[middle]![1] < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
