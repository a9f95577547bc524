// Who gets one message, and what each of them gets of it.

import type { ChosenInstance } from './ground/registry.ts'
import type { Sink, Slice } from './ground/slice.ts'
import { groupedSlice } from './variant.ts'

export class Targets {
  /** In the order in which they are delivered to. */
  readonly sinks: Sink[]
  /** The one of them that was chosen among the instances of a name. */
  instance: ChosenInstance | undefined
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

  /** Leaves out those that `is` does not hold for. */
  keep(is: (sink: Sink) => boolean): void {
    if (this.sinks.every(is)) return
    const slices = this.sinks.map((sink, place) => [sink, this.#grouped?.get(place)] as const).filter(([sink]) => is(sink))
    this.sinks.length = 0
    this.#grouped = undefined
    for (const [sink, grouped] of slices) {
      if (grouped !== undefined) (this.#grouped ??= new Map()).set(this.sinks.length, grouped)
      this.sinks.push(sink)
    }
  }

  sliceFor(place: number): Slice {
    const grouped = this.#grouped?.get(place)
    if (grouped === undefined) return this.#slice
    // Its position is known only after it was made.
    grouped.run = this.#slice.run
    return grouped
  }
}
