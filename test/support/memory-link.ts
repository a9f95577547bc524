// A link in memory, with a kernel that takes as much as a test allows. Knows no frames and no clock.
//
//   broker ── write ──▶ [ left ] ──▶ [ kernel, `kernelBytes` ] ── read() ──▶ test
//          ◀─ received ─────────────── [ arrived, while paused ] ◀── arrive() ──

import type { BrokerError } from '../../broker/ground/errors.ts'
import type { Framing, Link, LinkHandler, Peer } from '../../broker/ground/types.ts'

/** What links do a moment later, as sockets do; run() does it now. */
export class LinkEvents {
  #queue: (() => void)[] = []

  add(event: () => void): void {
    this.#queue.push(event)
  }

  /** Runs what is queued, and what that queues; false when there was nothing. */
  run(): boolean {
    const before = this.#queue.length
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) event()
    return before > 0
  }
}

export class MemoryLink implements Link {
  readonly peer: Peer
  readonly framing: Framing
  readonly protocol?: 'nats'
  readonly wrap = undefined
  /** What the kernel holds for a peer that does not read. bytes */
  kernelBytes = Infinity
  isPaused = true
  /** What it has read has to be worked off before it reads on. */
  isUnread = false
  isClosed = false
  /** With what the broker closed it. */
  closeReason: BrokerError | undefined
  /** Calls of write(). */
  writes = 0
  readonly #events: LinkEvents
  #handler!: LinkHandler
  #kernel: Uint8Array[] = []
  #heldBytes = 0
  #left: Uint8Array[] = []
  #arrived: Uint8Array[] = []
  #isClosing = false

  /** On a link with messages each `arrive` is a message of its own; what leaves is not framed. */
  constructor(events: LinkEvents, peer: Peer, framing: Framing = 'stream', protocol?: 'nats') {
    if (protocol !== undefined) this.protocol = protocol
    this.#events = events
    this.framing = framing
    this.peer = peer
  }

  /** Chunks that wait because the link is paused, or was until now. */
  get waitingChunks(): number {
    return this.#arrived.length
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
  }

  admitted(): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    if (this.#left.length > 0) throw new Error('a write while another is in flight')
    this.writes++
    if (this.isClosed) return false
    // Not copied: what the kernel has not taken is still the writer's memory, and must not change or go.
    this.#left = [...pieces]
    return this.#fill()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.#events.add(() => this.#drain())
  }

  close(reason?: BrokerError): void {
    this.closeReason = reason
    this.#isClosing = true
    if (this.#left.length === 0) this.hangUp()
  }

  destroy(): void {
    this.hangUp()
  }

  /** The peer's bytes come in as a chunk of its own; they wait while the link is paused. */
  arrive(bytes: Uint8Array): void {
    // A Buffer over memory of its own, as sockets give: some of its methods differ from those of a plain array.
    this.#arrived.push(Buffer.from(new Uint8Array(bytes).buffer))
    this.#drain()
  }

  /** The peer sends no more. */
  end(): void {
    this.#handler.ended()
  }

  /** The peer reads up to `bytes`, which makes room in the kernel. */
  read(bytes = Infinity): Uint8Array {
    const wasWriting = this.#left.length > 0
    // The kernel may hold more than when the write was made.
    this.#fill()
    const held = Buffer.concat(this.#kernel)
    const taken = held.subarray(0, Math.min(bytes, held.length))
    this.#kernel = [held.subarray(taken.length)]
    this.#heldBytes -= taken.length
    if (this.#fill() && wasWriting) this.#events.add(() => this.#written())
    return taken
  }

  /** Gone, now: what the kernel had taken can still be read. */
  hangUp(problem?: Error): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#left = []
    this.#events.add(() => this.#handler.closed(problem))
  }

  #written(): void {
    if (this.isClosed) return
    this.#handler.written()
    if (this.#isClosing && this.#left.length === 0) this.hangUp()
  }

  // As much as there is room for, in the middle of a piece too.
  #fill(): boolean {
    for (let piece = this.#left.shift(); piece !== undefined; piece = this.#left.shift()) {
      const room = Math.max(0, this.kernelBytes - this.#heldBytes)
      const taken = piece.subarray(0, Math.min(room, piece.length))
      this.#kernel.push(new Uint8Array(taken))
      this.#heldBytes += taken.length
      if (taken.length === piece.length) continue
      this.#left.unshift(piece.subarray(taken.length))
      return false
    }
    return true
  }

  #drain(): void {
    while (!this.isPaused && !this.isClosed) {
      const chunk = this.#arrived.shift()
      if (chunk === undefined) return
      this.#handler.received(chunk, this.framing !== 'stream')
    }
  }
}
