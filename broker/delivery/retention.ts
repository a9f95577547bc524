// What was written to a client whose session may outlive its link, kept until the client confirms it.
//
//   frames of the session   1 2 3 │ 4 5 6 7 │ 8 9        confirmed, or forgotten │ kept │ not written yet

import { Slice } from '../ground/slice.ts'
import { WaitingSlices, type FrameStart } from './waiting-slices.ts'

/** Ranges of forgotten frames that come again; of more the oldest count as lost. */
const MAX_RANGES = 1000

export class Retention {
  readonly #maxBytes: number
  readonly #slices = new WaitingSlices()
  #bytes = 0
  /** Frames of the session before the first that is kept. */
  #from = 0
  #written = 0
  /** Frames that were forgotten and come again by themselves, by their place in the session; not beyond what the client has confirmed. */
  #kept: { readonly start: number; end: number }[] = []

  /** Keeps at most `maxBytes`; the oldest are forgotten first. `from`: the count begins there, below 0 where what is still to be written does not count. */
  constructor(maxBytes: number, from = 0) {
    this.#maxBytes = maxBytes
    this.#from = this.#written = from
  }

  /** Frames of the session before the first that is kept. */
  get from(): number {
    return this.#from
  }

  /** What is kept, oldest first. */
  get slices(): Iterable<Slice> {
    return this.#slices
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
    while (this.#bytes > this.#maxBytes && !this.#slices.isEmpty) this.#giveUp()
    this.#slices.retainAll()
  }

  /** The client has got `received` frames of the session. */
  confirm(received: number): void {
    for (let first = this.#slices.first; first !== undefined && this.#from + first.frames <= received; first = this.#slices.first) this.#forget()
    if (this.#kept.length > 0) this.#kept = this.#kept.filter(({ end }) => end > received)
  }

  /**
   * Everything after the first `received` frames of the session, to be written again; they are accounted already.
   * `missing` frames of it are not there any more, of which `lost` do not come again. The session's count goes on from `received`.
   */
  takeAfter(received: number, startOf: FrameStart): { readonly missing: number; readonly lost: number; readonly slices: readonly Slice[] } {
    this.confirm(received)
    const missing = Math.max(0, this.#from - received)
    const kept = this.#kept.reduce((sum, { start, end }) => sum + end - Math.max(start, received), 0)
    this.#kept = []
    const skip = Math.max(0, received - this.#from)
    const slices = this.#slices.takeAll().map((slice, i) => {
      const skipped = i === 0 ? skip : 0
      return new Slice(slice.bytes, skipped === 0 ? slice.start : startOf(slice, skipped), slice.end, 0, slice.account, slice.frames - skipped)
    })
    this.#bytes = 0
    this.#from = this.#written = received
    return { missing, lost: missing - kept, slices }
  }

  #giveUp(): void {
    const start = this.#from
    const { watch, frames } = this.#forget()
    watch?.forgotten?.()
    if (watch?.isKept !== true) return
    const last = this.#kept.at(-1)
    if (last?.end === start) last.end += frames
    else if (this.#kept.push({ start, end: start + frames }) > MAX_RANGES) this.#kept.shift()
  }

  #forget(): Slice {
    const slice = this.#slices.shift()!
    this.#bytes -= slice.end - slice.start
    this.#from += slice.frames
    return slice
  }
}
