// One program's time with a pair of FIFOs, as a link. It says hello in the program's name, and keeps the welcome to itself.

import type { Link, LinkHandler, Peer } from '../../broker/ground/types.ts'

/** What the link asks of the pair. */
export interface FifoEnds {
  /** Writes to the program; false when the system did not take everything, then `done` is called. */
  write(pieces: readonly Uint8Array[], done: () => void): boolean
  pause(): void
  resume(): void
  /** It is over; what the program still writes is for nobody. */
  left(link: FifoLink): void
}

/** A reader may take nothing for long: little is in the hands of the system, the rest is where policies act. bytes */
const MAX_WRITE_BYTES = 64 * 1024
const LINE_END = 0x0a

export class FifoLink implements Link {
  readonly peer: Peer
  readonly framing = 'stream'
  readonly transport = 'fifo'
  readonly wrap = undefined
  readonly maxWriteBytes = MAX_WRITE_BYTES
  readonly #ends: FifoEnds
  #handler!: LinkHandler
  /** What comes first, until it is read. */
  #early: Uint8Array[]
  #isWelcome = false
  #isOver = false

  /** `hello`: the line that says who it is. */
  constructor(name: string, ends: FifoEnds, hello: Uint8Array) {
    this.peer = { address: `fifo ${name}`, pid: undefined, uid: process.getuid?.() }
    this.#ends = ends
    this.#early = [hello]
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
  }

  admitted(): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#isOver) return false
    const forProgram = this.#isWelcome ? pieces : this.#withoutWelcome(pieces)
    return forProgram.length === 0 || this.#ends.write(forProgram, () => (this.#isOver ? undefined : this.#handler.written()))
  }

  pause(): void {
    this.#ends.pause()
  }

  resume(): void {
    const early = this.#early
    this.#early = []
    for (const chunk of early) this.received(chunk)
    this.#ends.resume()
  }

  close(): void {
    this.destroy()
  }

  destroy(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#ends.left(this)
    setImmediate(() => this.#handler.closed(undefined))
  }

  /** Another program has come: this one's time is over at once. */
  cutOff(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler.closed(undefined)
  }

  received(chunk: Uint8Array): void {
    if (this.#isOver) return
    if (this.#early.length > 0) this.#early.push(chunk)
    else this.#handler.received(chunk, false)
  }

  // The first line answers the hello, which the program did not say.
  #withoutWelcome(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    for (const [i, piece] of pieces.entries()) {
      const end = piece.indexOf(LINE_END)
      if (end < 0) continue
      this.#isWelcome = true
      const rest = piece.subarray(end + 1)
      return [...(rest.length > 0 ? [rest] : []), ...pieces.slice(i + 1)]
    }
    return []
  }
}
