// Who a route led to, for the runs that took it: connection numbers, shared by all runs of the same receivers.
//
// Bounded in numbers and in snapshots: messages that groups or filters pick receivers for have one each. The oldest are
// forgotten first, and a run whose snapshot is gone says so.

const MAX_NUMBERS = 2 * 1024 * 1024

export class Snapshots {
  readonly #maxSnapshots: number
  readonly #byId = new Map<number, Uint32Array>()
  #numbers = 0
  #next = 1
  #oldest = 1

  /** Keeps at most so many: more than there are runs would serve nobody. */
  constructor(maxSnapshots: number) {
    this.#maxSnapshots = maxSnapshots
  }

  /** Snapshots with a lower id are forgotten. */
  get oldest(): number {
    return this.#oldest
  }

  /** Keeps the numbers of these receivers; the snapshot's id, from 1. */
  add(receivers: readonly { readonly number: number }[]): number {
    const numbers = Uint32Array.from(receivers, ({ number }) => number)
    this.#byId.set(this.#next, numbers)
    this.#numbers += numbers.length + 1
    while ((this.#numbers > MAX_NUMBERS || this.#byId.size > this.#maxSnapshots) && this.#oldest < this.#next) this.#forget()
    return this.#next++
  }

  get(id: number): readonly number[] | undefined {
    const numbers = this.#byId.get(id)
    return numbers === undefined ? undefined : [...numbers]
  }

  #forget(): void {
    const id = this.#oldest++
    this.#numbers -= (this.#byId.get(id)?.length ?? 0) + 1
    this.#byId.delete(id)
  }
}
