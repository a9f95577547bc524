// Cuts received chunks into WebSocket frames, and takes the shortest way with whole binary messages: unmasked where they
// stand, moved together, handed on as one stretch of the chunk. Every other frame goes on as it is, to be read by `ws`.
//
//   chunk   [h|frame frame][h|frame][ping][h|frame fra        h: header and mask
//   out      ╰─ frame frame frame ─╯ ping  ╰─ frame fra ─╯
//
// On a link that carries a stream all messages go this way, of text too, and borders mean nothing: what one chunk holds is one stretch.
//
// Most of what a broker receives is such messages. For what they cost otherwise, see docs/adr/0010.

import { BrokerError } from '../../broker/ground/errors.ts'
import { COMPRESSED, FIN, headerBytes, isBroken, isMasked, isPlainData, MAX_HEADER_BYTES, Opcode, payloadBytes } from './frame-header.ts'
import { FrameWalk } from './frame-walk.ts'
import { turnMask, unmask } from './unmask.ts'

/** Who gets what was read. It may set `isOpen` to false in between: then nothing more is read. */
export interface FrameSink {
  readonly isOpen: boolean
  /** Payload of binary messages, unmasked; with its end a message ends or not. It is the sink's from now on. */
  binary(stretch: Uint8Array, endsMessage: boolean): void
  /** A whole frame, header and mask as received. `isOwn`: its memory holds nothing else. */
  frame(bytes: Uint8Array, isOwn: boolean): void
  failed(error: BrokerError): void
}

const FIRST_HELD_BYTES = 256
const WHOLE_BINARY = FIN | Opcode.binary

export class FrameReader {
  /** Largest message. bytes */
  maxMessageBytes: number
  /** Messages of whole native frames are handed on together. Off, each message is handed on by itself. */
  isMerging = false
  /** Messages of any kind and size are a stream of bytes. */
  isStream = false
  /** Off, binary messages go the way of all others. */
  isLean = true
  readonly #sink: FrameSink
  readonly #walk = new FrameWalk()
  /** Payload of a binary message that is still to come. bytes */
  #left = 0
  #mask = 0
  /** Between the first frame of a message and its last. */
  #isFragmented = false
  /** The message that is being read began when messages were merged. */
  #isMerged = false
  /** The beginning of a frame, or of its header, whose rest has not come. */
  #held: Uint8Array | undefined
  #heldBytes = 0
  /** Of the frame that is held, with its header; 0 while the header is not whole. bytes */
  #neededBytes = 0

  constructor(sink: FrameSink, maxMessageBytes: number) {
    this.#sink = sink
    this.maxMessageBytes = maxMessageBytes
  }

  /** Reads a chunk, which belongs to the reader, and through it to the sink. */
  read(received: Uint8Array): void {
    if (!this.#sink.isOpen) return
    let chunk = received
    let at = 0
    if (this.#held !== undefined) {
      if (this.#neededBytes === 0) chunk = this.#joined(received)
      else at = this.#fill(received)
      if (this.#held !== undefined) return
    }
    this.#take(chunk, at)
  }

  // From a frame's beginning, or in the middle of a binary message's payload.
  #take(chunk: Uint8Array, begin: number): void {
    const sink = this.#sink
    const { length } = chunk
    const view = new DataView(chunk.buffer, chunk.byteOffset, length)
    let at = begin
    // Of the stretch that is open: it was not handed on yet.
    let start = at
    let out = at
    let isOpen = false
    if (this.#left > 0) {
      isOpen = true
      at = out = this.#payload(view, at, at, length)
      if (this.#endsStretch()) {
        isOpen = false
        sink.binary(part(chunk, start, out), this.#left === 0)
      }
    }
    while (at < length && sink.isOpen) {
      const first = chunk[at]!
      const second = at + 1 < length ? chunk[at + 1]! : -1
      const header = second < 0 ? MAX_HEADER_BYTES : headerBytes(second)
      const isLean = second >= 0 && isMasked(second) && (this.isStream ? isPlainData(first) : first === WHOLE_BINARY && !this.#isFragmented && this.isLean)
      if (!isLean && isOpen) {
        isOpen = false
        sink.binary(part(chunk, start, out), true)
        // It may have ended the connection, or let it in.
        continue
      }
      if (second >= 0 && (isBroken(first, second) || (this.isStream && (first & COMPRESSED) !== 0))) return sink.frame(chunk.subarray(at), false)
      if (at + header > length) {
        this.#hold(chunk, at, 0)
        break
      }
      const size = payloadBytes(view, at)
      if (size > this.maxMessageBytes && (first & 0x0f) < Opcode.close) {
        if (isOpen) sink.binary(part(chunk, start, out), true)
        if (sink.isOpen) sink.failed(new BrokerError('websocket.too_large', { actualBytes: size, limitBytes: this.maxMessageBytes }))
        return
      }
      if (!isLean) {
        const end = at + header + size
        if ((first & 0x0f) < Opcode.close) this.#isFragmented = (first & FIN) === 0
        if (end > length) {
          this.#hold(chunk, at, header + size)
          break
        }
        const isAll = at === 0 && end === length
        sink.frame(isAll ? chunk : chunk.subarray(at, end), isAll)
        at = end
        continue
      }
      if (this.isStream && !this.#continues(first)) {
        if (isOpen) sink.binary(part(chunk, start, out), false)
        if (sink.isOpen) sink.failed(new BrokerError('websocket.protocol', { problem: this.#isFragmented ? 'a message begins in the middle of another one' : 'a message goes on that did not begin' }))
        return
      }
      if (!isOpen) {
        isOpen = true
        start = out = at
      }
      this.#mask = view.getInt32(at + header - 4, true)
      this.#left = size
      this.#isMerged = this.isMerging
      const from = at + header
      at = this.#payload(view, from, out, length)
      out += at - from
      if (!this.#endsStretch()) continue
      isOpen = false
      sink.binary(part(chunk, start, out), this.#left === 0)
    }
    if (isOpen) sink.binary(part(chunk, start, out), this.#left === 0)
  }

  // Unmasks what there is of the payload at `from`, to `to`; gives where it ends.
  #payload(view: DataView, from: number, to: number, length: number): number {
    const bytes = Math.min(this.#left, length - from)
    unmask(view, from, bytes, to, this.#mask)
    this.#left -= bytes
    if (this.#left > 0) this.#mask = turnMask(this.#mask, bytes)
    if (this.#isMerged) this.#walk.pass(view, to, to + bytes)
    return from + bytes
  }

  // Between its first frame and its last a message has frames of continuation, and nowhere else are there any.
  #continues(first: number): boolean {
    if (((first & 0x0f) === Opcode.continuation) !== this.#isFragmented) return false
    this.#isFragmented = (first & FIN) === 0
    return true
  }

  // A message that ends in the middle of a frame ends by itself, so that its reader can say so.
  #endsStretch(): boolean {
    if (this.#left > 0 || this.isStream) return false
    if (!this.#isMerged) return true
    if (this.#walk.isBetween) return false
    this.#walk.reset()
    return true
  }

  // Grows by doubling with what was received: an announced length alone reserves nothing.
  #hold(chunk: Uint8Array, at: number, neededBytes: number): void {
    const bytes = chunk.length - at
    this.#neededBytes = neededBytes
    this.#held = new Uint8Array(neededBytes === 0 ? bytes : Math.min(neededBytes, Math.max(FIRST_HELD_BYTES, bytes * 2)))
    this.#held.set(at === 0 ? chunk : chunk.subarray(at))
    this.#heldBytes = bytes
  }

  // The header's other bytes; gives where the chunk goes on.
  #joined(chunk: Uint8Array): Uint8Array {
    const joined = new Uint8Array(this.#heldBytes + chunk.length)
    joined.set(this.#held!)
    joined.set(chunk, this.#heldBytes)
    this.#held = undefined
    return joined
  }

  #fill(chunk: Uint8Array): number {
    const take = Math.min(this.#neededBytes - this.#heldBytes, chunk.length)
    const needed = this.#heldBytes + take
    let held = this.#held!
    if (held.length < needed) {
      held = new Uint8Array(Math.min(this.#neededBytes, needed * 2))
      held.set(this.#held!.subarray(0, this.#heldBytes))
      this.#held = held
    }
    held.set(take === chunk.length ? chunk : chunk.subarray(0, take), this.#heldBytes)
    this.#heldBytes = needed
    if (needed === this.#neededBytes) {
      this.#held = undefined
      this.#sink.frame(held, true)
    }
    return take
  }
}

// `new Uint8Array` costs 58 ns, Buffer.subarray 76.
function part(chunk: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset + start, end - start)
}
