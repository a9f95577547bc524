// Collects the frames of one turn in one piece of memory and writes them at once. Knows no frame from another.
//
//   slab   [ left ][ pending ][ room ──▶ frames are written here ]
//                      └──(end of turn, or 64 KiB)──▶ one write ──▶ link
//                                                      └─ above high-water: `ready` waits for the drain
//
// What has left is never written over: the link, and a ledger, may still hold it.

import { encodeLent } from '../broker/wire/lent.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { BesideLink, ClientLink } from './link.ts'

const FLUSH_BYTES = 64 * 1024
/** The first slab; each one doubles, so that who says little needs little. */
const FIRST_SLAB_BYTES = 2048
const READY = Promise.resolve()

export class Outbound {
  /** For large frames; undefined: all go by the link. */
  memory: BesideLink | undefined
  readonly #link: ClientLink
  readonly #defer: (task: () => void) => void
  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.flush()
  }
  #slab = new Uint8Array(0)
  #slabBytes = FIRST_SLAB_BYTES / 2
  /** Where what is pending begins, and where the next frame goes. */
  #from = 0
  #to = 0
  #isScheduled = false
  #drain: Deferred<void> | undefined

  constructor(link: ClientLink, defer: (task: () => void) => void) {
    this.#link = link
    this.#defer = defer
  }

  /** Resolves when the link is below its high-water mark: at once, or after it drained or closed. Never rejects. */
  get ready(): Promise<void> {
    return this.#drain?.promise ?? READY
  }

  /** Where frames are written; another one after each `claim`. */
  get slab(): Uint8Array {
    return this.#slab
  }

  /**
   * Where in `slab` there is room for one whole frame of `bytes`; it is taken by `fill`, once it stands there. A write holds whole frames only, and
   * above 64 KiB a single one: on a WebSocket it is one message.
   */
  claim(bytes: number): number {
    if (this.#to - this.#from + bytes > FLUSH_BYTES) this.flush()
    if (this.#to + bytes > this.#slab.length) this.#renew(bytes)
    return this.#to
  }

  /** The frame for which room was claimed stands there. */
  fill(bytes: number): void {
    this.#to += bytes
    if (this.#to - this.#from >= FLUSH_BYTES) this.flush()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#defer(this.#onTurn)
    }
  }

  /** Takes one whole frame that stands elsewhere. */
  push(frame: Uint8Array): void {
    const at = this.claim(frame.length)
    this.#slab.set(frame, at)
    this.fill(frame.length)
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#from === this.#to) return
    const bytes = this.#slab.subarray(this.#from, this.#to)
    this.#from = this.#to
    if (!this.#link.write(this.#lent(bytes))) this.#drain ??= deferred()
  }

  // What is lent goes as a frame that says where it is.
  #lent(bytes: Uint8Array): Uint8Array {
    const number = this.memory?.lend(bytes)
    return number === undefined ? bytes : encodeLent(number, bytes.length)
  }

  /** The link drained, or is gone: whoever waits goes on. */
  release(): void {
    this.#drain?.resolve()
    this.#drain = undefined
  }

  // What is pending moves along, so that it leaves in one write. A frame that is larger than a write gets a slab of its own.
  #renew(bytes: number): void {
    const pending = this.#slab.subarray(this.#from, this.#to)
    this.#slabBytes = Math.min(FLUSH_BYTES, this.#slabBytes * 2)
    this.#slab = new Uint8Array(Math.max(this.#slabBytes, pending.length + bytes))
    this.#slab.set(pending)
    this.#from = 0
    this.#to = pending.length
  }
}
