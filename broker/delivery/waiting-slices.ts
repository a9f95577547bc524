// Slices in the order in which they leave, with an end at which the oldest may be dropped cheaply.
//
//   [ gone | gone | a | b | c | d ]       dropping moves the front; the places in front of it are reused now and then
//                   ▲ front

import { Account, Slice } from '../ground/slice.ts'
import { ownCopy } from './own-copies.ts'

/** Where, in its bytes, frame n of a slice begins; the first is 0. */
export type FrameStart = (slice: Slice, frame: number) => number

const NOTHING: Slice[] = []
/** Places in front that may be empty before the rest moves up. */
const MAX_GONE = 1024
/** Stands in places that are gone, so that they keep nothing alive. */
const GONE = new Slice(new Uint8Array(0), 0, 0, 0, new Account())

export class WaitingSlices {
  #slices: Slice[] = NOTHING
  #front = 0
  /** Slices before this were copied out of their chunks already, or need no copy. */
  #retained = 0
  /** Slices before this are copies. */
  #copied = 0
  #nextExpiryMs = Infinity
  /** Slices that were appended, ever. */
  pushed = 0
  /** Of those, how many have left from the front at least: all in front of them are gone. */
  gone = 0

  get isEmpty(): boolean {
    return this.#front === this.#slices.length
  }

  /** The oldest, which stays. */
  get first(): Slice | undefined {
    return this.#slices[this.#front]
  }

  /** The last with messages in it. */
  get newest(): Slice | undefined {
    let at = this.#slices.length - 1
    while (at >= this.#front && this.#slices[at]!.count === 0) at--
    return at < this.#front ? undefined : this.#slices[at]
  }

  /** No later than the moment at which the first of them expires; Infinity: none does. */
  get nextExpiryMs(): number {
    return this.#nextExpiryMs
  }

  *[Symbol.iterator](): Iterator<Slice> {
    for (let i = this.#front; i < this.#slices.length; i++) yield this.#slices[i]!
  }

  push(slice: Slice): void {
    // An idle connection has no array of its own.
    if (this.#slices === NOTHING) this.#slices = [slice]
    else this.#slices.push(slice)
    this.pushed++
    if (slice.expiresAtMs !== 0) this.#expect(slice)
  }

  /** In front of all others, in their order. */
  putBack(slices: readonly Slice[]): void {
    if (slices.length === 0) return
    const { gone } = this
    const rest = this.takeAll()
    this.gone = gone - slices.length
    this.#slices = [...slices, ...rest]
    for (const slice of this.#slices) if (slice.expiresAtMs !== 0) this.#expect(slice)
  }

  /** All of them; none are left. The array is the caller's. */
  takeAll(): Slice[] {
    const slices = this.#front === 0 ? this.#slices : this.#slices.slice(this.#front)
    this.#slices = NOTHING
    this.#front = this.#retained = this.#copied = 0
    this.#nextExpiryMs = Infinity
    this.gone = this.pushed
    return slices
  }

  /** The oldest, as many as have at most `maxBytes` together, and at least one. The array is the caller's. */
  takeFront(maxBytes: number): Slice[] {
    const slices = this.#slices
    let end = this.#front
    for (let bytes = 0; end < slices.length; end++) {
      bytes += slices[end]!.end - slices[end]!.start
      if (bytes > maxBytes && end > this.#front) break
    }
    const taken = slices.slice(this.#front, end)
    this.gone += taken.length
    while (this.#front < end) slices[this.#front++] = GONE
    this.#tidy()
    return taken
  }

  /** The oldest. */
  shift(): Slice | undefined {
    return this.takeFirst(() => true)
  }

  /** Slices with the first `frames` frames: those that end with them, and the one within which they end, of which `rest` stays. */
  takeFrames(frames: number, startOf: FrameStart): { readonly whole: readonly Slice[]; readonly split: { readonly slice: Slice; readonly head: Slice; readonly rest: Slice } | undefined } {
    const whole: Slice[] = []
    let left = frames
    for (let slice = this.first; slice !== undefined && left > 0; slice = this.first) {
      this.shift()
      if (slice.frames > left) {
        const [head, rest] = slice.split(startOf(slice, left), left)
        this.putBack([rest])
        return { whole, split: { slice, head, rest } }
      }
      whole.push(slice)
      left -= slice.frames
    }
    return { whole, split: undefined }
  }

  /** The oldest that `is` holds for. */
  takeFirst(is: (slice: Slice) => boolean): Slice | undefined {
    const slices = this.#slices
    let at = this.#front
    while (at < slices.length && !is(slices[at]!)) at++
    if (at === slices.length) return undefined
    const taken = slices[at]!
    // One from the middle does not count: what stands in front of it is still here.
    if (at === this.#front) this.gone++
    // What stands before it moves up by one place.
    for (let i = at; i > this.#front; i--) slices[i] = slices[i - 1]!
    slices[this.#front++] = GONE
    this.#tidy()
    return taken
  }

  /** Those whose time has come, oldest first. */
  takeExpired(nowMs: number): Slice[] {
    const expired: Slice[] = []
    const rest: Slice[] = []
    for (const slice of this) (slice.expiresAtMs > 0 && slice.expiresAtMs <= nowMs ? expired : rest).push(slice)
    const { gone } = this
    this.takeAll()
    this.putBack(rest)
    this.gone = gone
    return expired
  }

  /**
   * A receiver that did not take its bytes in their turn must not keep whole chunks alive: copies what is new and small
   * beside its chunk. True when something new still stands in its chunk.
   */
  retain(): boolean {
    const slices = this.#slices
    let borrows = false
    for (let i = Math.max(this.#front, this.#retained); i < slices.length; i++) {
      const slice = slices[i]!
      if (slice.copy === slice) continue
      // What is kept is the memory below the view.
      if ((slice.end - slice.start) * 4 < slice.bytes.buffer.byteLength) slices[i] = ownCopy(slice)
      else borrows = true
    }
    this.#retained = slices.length
    return borrows
  }

  /** Copies all, at most `maxBytes` at a time. True when something still stands in its chunk. */
  retainAll(maxBytes = Infinity): boolean {
    const slices = this.#slices
    let at = Math.max(this.#front, this.#copied)
    for (let bytes = 0; at < slices.length && bytes < maxBytes; at++) {
      const slice = slices[at]!
      if (slice.copy === slice) continue
      bytes += slice.end - slice.start
      slices[at] = ownCopy(slice)
    }
    this.#copied = at
    this.#retained = Math.max(this.#retained, at)
    return at < slices.length
  }

  #expect({ expiresAtMs }: Slice): void {
    if (expiresAtMs < this.#nextExpiryMs) this.#nextExpiryMs = expiresAtMs
  }

  #tidy(): void {
    if (this.#front === this.#slices.length) {
      this.#slices = NOTHING
      this.#front = this.#retained = this.#copied = 0
    } else if (this.#front > MAX_GONE && this.#front * 2 > this.#slices.length) {
      this.#slices = this.#slices.slice(this.#front)
      this.#retained = Math.max(0, this.#retained - this.#front)
      this.#copied = Math.max(0, this.#copied - this.#front)
      this.#front = 0
    }
  }
}
