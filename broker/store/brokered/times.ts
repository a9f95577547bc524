// Positions in order of a time, for what must be looked at when it comes: a heap. Pure.

interface Timed {
  readonly atMs: number
  readonly position: number
}

/** Beyond that many nothing is remembered: such messages are looked at when they arrive. */
const MAX_TIMES = 200_000

export class Times {
  readonly #heap: Timed[] = []
  readonly #most: number

  constructor(most = MAX_TIMES) {
    this.#most = most
  }

  add(atMs: number, position: number): void {
    const heap = this.#heap
    if (heap.length >= this.#most) return
    let at = heap.length
    heap.push({ atMs, position })
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.atMs <= heap[at]!.atMs) break
      ;[heap[parent], heap[at]] = [heap[at]!, heap[parent]!]
      at = parent
    }
  }

  /** Infinity: there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity
  }

  /** Those whose time has come, taken out. */
  due(nowMs: number): number[] {
    const due: number[] = []
    while (this.nextMs <= nowMs) due.push(this.#shift().position)
    return due
  }

  #shift(): Timed {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child
      if (least === at) return first
      ;[heap[least], heap[at]] = [heap[at]!, heap[least]!]
      at = least
    }
  }
}
