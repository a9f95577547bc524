// Messages on lease whose frames are handed over in one slice, and what became of the frames. Knows neither.
//
//   in the outbound ── dropped before its write began ─▶ it did not arrive
//         └─ written, or a write with it began and did not end ─▶ it may have arrived

import type { Fate, FateWatch } from '../ground/fate.ts'

export class LeaseBatch<L> implements FateWatch {
  readonly isKept = true
  /** Some of it may have reached the consumer. */
  mayHaveArrived = false
  /** If its session lost anything when its link broke, then this. */
  isForgotten = false
  /** Told of those that were dropped on their way. */
  readonly #onDropped: (leases: readonly L[]) => void
  #leases: L[] = []
  /** Of them, how many have their fate. */
  #settled = 0

  constructor(onDropped: (leases: readonly L[]) => void) {
    this.#onDropped = onDropped
  }

  /** The next one, in the order of the slice. */
  add(lease: L): void {
    this.#leases.push(lease)
  }

  forgotten(): void {
    this.isForgotten = true
  }

  leaving(): void {
    this.mayHaveArrived = true
  }

  settled(_receiver: number, fate: Exclude<Fate, 'pending'>, count: number): void {
    const leases = this.#leases
    const from = this.#settled
    this.#settled += count
    // What is on lease keeps its batch alive; a batch need not keep what is settled.
    if (this.#settled >= leases.length) this.#leases = []
    if (fate === 'written') this.mayHaveArrived = true
    else this.#onDropped(leases.slice(from, this.#settled))
  }
}
