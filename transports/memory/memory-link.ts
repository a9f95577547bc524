// A link whose other end is an object in this process. Knows no frames, and copies nothing: who is at the end takes the
// bytes of a write before it says so, and gives away what it sends.
//
//   broker ── write ──▶ end.received ─ true, or false and later taken() ─▶ written
//          ◀─ received ── [ sent, while paused ] ◀── send() ── end

import type { BrokerError } from '../../broker/ground/errors.ts'
import type { Link, LinkHandler, Peer } from '../../broker/ground/types.ts'

/** Who is at the other end turns each message into one of its own: 5 ms of messages of 100 bytes. bytes */
const MAX_WRITE_BYTES = 64 * 1024

/** Who is at the other end. */
export interface MemoryEnd {
  /** What the broker writes, valid until it is taken. True: it was taken at once; false: `taken()` follows. */
  received(pieces: readonly Uint8Array[]): boolean
  /** The link is gone, whoever ended it; called once and last. `reason`: why the broker ended it, where it says so. */
  closed(reason: BrokerError | undefined): void
}

export class MemoryLink implements Link {
  readonly peer: Peer
  readonly framing = 'stream'
  readonly wrap = undefined
  readonly transport: 'grpc'
  readonly maxWriteBytes = MAX_WRITE_BYTES
  readonly #end: MemoryEnd
  /** undefined: the broker had no room for it. */
  #handler: LinkHandler | undefined
  #isPaused = true
  #isClosed = false
  /** The broker ends it as soon as what it wrote is taken. */
  #isClosing = false
  #isWriting = false
  #reason: BrokerError | undefined
  #sent: Uint8Array[] = []

  constructor(peer: Peer, transport: 'grpc', end: MemoryEnd) {
    this.peer = peer
    this.transport = transport
    this.#end = end
  }

  // What the broker calls.

  attach(handler: LinkHandler): void {
    this.#handler = handler
  }

  admitted(_maxMessageBytes: number): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#isClosed) return false
    this.#isWriting = true
    if (!this.#end.received(pieces)) return false
    this.#isWriting = false
    return true
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    // As with sockets: not within the call.
    if (this.#sent.length > 0) queueMicrotask(() => this.#drain())
  }

  close(reason?: BrokerError): void {
    this.#reason ??= reason
    this.#isClosing = true
    if (!this.#isWriting) this.hangUp()
  }

  destroy(reason?: BrokerError): void {
    this.#reason ??= reason
    this.hangUp()
  }

  // What the end calls.

  /** True while the broker does not read: it holds whoever feeds a slow receiver. */
  get isHeld(): boolean {
    return this.#isPaused || this.#sent.length > 0
  }

  /** Bytes for the broker, which owns them from now on; they wait while it does not read. Never called out of `received`. */
  send(chunk: Uint8Array): void {
    if (this.#isClosed) return
    if (this.isHeld) this.#sent.push(chunk)
    else this.#handler?.received(chunk, false)
  }

  /** The bytes of the write in flight are not needed any more. */
  taken(): void {
    if (this.#isClosed || !this.#isWriting) return
    this.#isWriting = false
    this.#handler?.written()
    if (this.#isClosing && !this.#isWriting) this.hangUp()
  }

  /** Ends it now. The broker hears of it a moment later, as it does with sockets; so does the end. */
  hangUp(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sent = []
    queueMicrotask(() => {
      this.#handler?.closed(undefined)
      this.#end.closed(this.#reason)
    })
  }

  #drain(): void {
    while (!this.#isPaused && !this.#isClosed) {
      const chunk = this.#sent.shift()
      if (chunk === undefined) return
      this.#handler?.received(chunk, false)
    }
  }
}
