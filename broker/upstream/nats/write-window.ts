// How much is written before the server must have confirmed it: as much as it confirms in good time. On a narrow link the answer to a
// heartbeat would stand behind a mebibyte of messages, and a server that does its best would be taken for dead.

const MIN_BYTES = 16 * 1024
const MAX_BYTES = 1024 * 1024
const FIRST_BYTES = 128 * 1024
/** Confirmed sooner: more. ms */
const SHORT_MS = 50
/** Confirmed later: less. ms */
const LONG_MS = 200

export class WriteWindow {
  bytes = FIRST_BYTES

  /** A write took so long; true when the window has changed. */
  confirmed(writtenBytes: number, tookMs: number): boolean {
    const before = this.bytes
    // What was small says nothing of how much would have fitted.
    if (tookMs < SHORT_MS && writtenBytes * 2 >= this.bytes) this.bytes = Math.min(MAX_BYTES, this.bytes * 2)
    else if (tookMs > LONG_MS && writtenBytes * 2 >= this.bytes) this.bytes = Math.max(MIN_BYTES, this.bytes / 2)
    return this.bytes !== before
  }
}
