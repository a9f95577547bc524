// Collects the frames of one turn and writes them in one piece. Knows no frame from another.
//
//   push ─▶ [frame][frame][frame] ──(end of turn, or 64 KiB)──▶ one write ──▶ link
//                                                                 └─ above high-water: `ready` waits for the drain

import { deferred, type Deferred } from './deferred.ts'
import type { ClientLink } from './link.ts'

const FLUSH_BYTES = 64 * 1024
const READY = Promise.resolve()

export class Outbound {
  readonly #link: ClientLink
  readonly #defer: (task: () => void) => void
  #frames: Uint8Array[] = []
  #pendingBytes = 0
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

  /** Takes one whole frame. A write holds whole frames only, and above 64 KiB a single one: on a WebSocket it is one message. */
  push(frame: Uint8Array): void {
    if (this.#pendingBytes + frame.length > FLUSH_BYTES) this.flush()
    this.#frames.push(frame)
    this.#pendingBytes += frame.length
    if (this.#pendingBytes >= FLUSH_BYTES) this.flush()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#defer(() => {
        this.#isScheduled = false
        this.flush()
      })
    }
  }

  /** Writes what was collected. */
  flush(): void {
    if (this.#frames.length === 0) return
    const bytes = merge(this.#frames, this.#pendingBytes)
    this.#frames = []
    this.#pendingBytes = 0
    if (!this.#link.write(bytes)) this.#drain ??= deferred()
  }

  /** The link drained, or is gone: whoever waits goes on. */
  release(): void {
    this.#drain?.resolve()
    this.#drain = undefined
  }
}

function merge(frames: readonly Uint8Array[], totalBytes: number): Uint8Array {
  if (frames.length === 1) return frames[0]!
  const merged = new Uint8Array(totalBytes)
  let at = 0
  for (const frame of frames) {
    merged.set(frame, at)
    at += frame.length
  }
  return merged
}
