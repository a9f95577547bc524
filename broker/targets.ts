// Who gets one message, and what each of them gets of it.

import type { Sink, Slice } from './ground/slice.ts'
import { groupedSlice } from './variant.ts'

export class Targets {
  /** In the order in which they are delivered to. */
  readonly sinks: Sink[]
  readonly #slice: Slice
  /** By place in `sinks`: what a member of a group gets instead. */
  #grouped: Map<number, Slice> | undefined

  constructor(sinks: Sink[], slice: Slice) {
    this.sinks = sinks
    this.#slice = slice
  }

  /** One more; `subscription` is the number of a group's member. */
  add(sink: Sink, subscription: number | undefined): void {
    if (subscription !== undefined) {
      this.#grouped ??= new Map()
      this.#grouped.set(this.sinks.length, groupedSlice(this.#slice, subscription))
    }
    this.sinks.push(sink)
  }

  sliceFor(place: number): Slice {
    const grouped = this.#grouped?.get(place)
    if (grouped === undefined) return this.#slice
    // Its position is known only after it was made.
    grouped.run = this.#slice.run
    return grouped
  }
}
