// Connections that are gone: how far their kernels had taken what they were given, and why the rest was lost. With it the
// flight recorder can say what became of a message whose receiver has left.

import type { DropReason } from '../ground/fate.ts'

export interface Departure {
  readonly client: string
  /** Position of the last run that its kernel took. */
  readonly writtenRun: number
  /** What became of those after it. */
  readonly reason: DropReason
}

const MAX_REMEMBERED = 16_384

export class Departures {
  readonly #byNumber = new Map<number, Departure>()

  /** The oldest is forgotten for it. */
  add(number: number, departure: Departure): void {
    if (this.#byNumber.size >= MAX_REMEMBERED) this.#byNumber.delete(this.#byNumber.keys().next().value!)
    this.#byNumber.set(number, departure)
  }

  get(number: number): Departure | undefined {
    return this.#byNumber.get(number)
  }
}
