// What was written to a client whose session may outlive its link, kept until the client confirms it.
//
//   frames of the session   1 2 3 │ 4 5 6 7 │ 8 9        confirmed, or forgotten │ kept │ not written yet

import { Slice } from '../ground/slice.ts'
import { WaitingSlices, type FrameStart } from './waiting-slices.ts'

export class Retention {
  readonly #maxBytes: number
  readonly #slices = new WaitingSlices()
  #bytes = 0
  /** Frames of the session before the first that is kept. */
  #from = 0
  #written = 0

  /** Keeps at most `maxBytes`; the oldest are forgotten first. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Frames that were written in the session. */
  get written(): number {
    return this.#written
  }

  /** Slices were written. Their bytes are copied: they may stand in memory on loan. */
  add(slices: readonly Slice[]): void {
    for (const slice of slices) {
      this.#slices.push(slice)
      this.#bytes += slice.end - slice.start
      this.#written += slice.frames
    }
    while (this.#bytes > this.#maxBytes && !this.#slices.isEmpty) this.#forget().watch?.forgotten?.()
    this.#slices.retainAll()
  }

  /** The client has got `received` frames of the session. */
  confirm(received: number): void {
    for (let first = this.#slices.first; first !== undefined && this.#from + first.frames <= received; first = this.#slices.first) this.#forget()
  }

  /**
   * Everything after the first `received` frames of the session, to be written again; they are accounted already.
   * `lost` frames of it are not there any more. The session's count goes on from `received`.
   */
  takeAfter(received: number, startOf: FrameStart): { readonly lost: number; readonly slices: readonly Slice[] } {
    this.confirm(received)
    const lost = Math.max(0, this.#from - received)
    const skip = Math.max(0, received - this.#from)
    const slices = this.#slices.takeAll().map((slice, i) => {
      const skipped = i === 0 ? skip : 0
      return new Slice(slice.bytes, skipped === 0 ? slice.start : startOf(slice, skipped), slice.end, 0, slice.account, slice.frames - skipped)
    })
    this.#bytes = 0
    this.#from = this.#written = received
    return { lost, slices }
  }

  #forget(): Slice {
    const slice = this.#slices.shift()!
    this.#bytes -= slice.end - slice.start
    this.#from += slice.frames
    return slice
  }
}
