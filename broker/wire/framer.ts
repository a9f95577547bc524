// Cuts a byte stream into frames. Knows the length prefix and nothing else.

import { BrokerError } from '../ground/errors.ts'
import { LENGTH_BYTES } from './layout.ts'

/** What a framer hands over. */
export interface FrameSink {
  /**
   * One whole frame: `bytes[start]` is the first byte of its length prefix, `end` is exclusive.
   * The bytes belong to the sink: no later chunk is written into them.
   */
  frame(bytes: Uint8Array, start: number, end: number): void
}

const FIRST_SPILL_BYTES = 1024

/**
 * Splits received chunks into frames.
 * Wire: 4-byte big-endian length, then that many bytes (1..maxFrameBytes - 4). A frame within one chunk is handed over
 * where it stands, one that spans chunks in a buffer of its own that grows with the bytes received.
 */
export class Framer {
  /** Longest frame, length prefix included. bytes */
  maxFrameBytes: number
  readonly #sharedFromBytes: number
  #spill: Uint8Array | undefined
  #spilled = 0

  /** Frames that span chunks and have `sharedFromBytes` or more come in memory that threads can share. */
  constructor(maxFrameBytes: number, sharedFromBytes = Infinity) {
    this.maxFrameBytes = maxFrameBytes
    this.#sharedFromBytes = sharedFromBytes
  }

  /** Bytes of an unfinished frame that wait for the rest. */
  get pendingBytes(): number {
    return this.#spilled
  }

  /** Drops an unfinished frame. */
  forget(): void {
    this.#spill = undefined
    this.#spilled = 0
  }

  /**
   * Hands every frame that `chunk` completes to `sink`, in order.
   * @throws BrokerError `frame.too_large` or `frame.malformed`; what came before was handed over, drop the framer then
   */
  push(chunk: Uint8Array, sink: FrameSink): void {
    let at = this.#spilled > 0 ? this.#finish(chunk, sink) : 0
    const length = chunk.length
    while (at + LENGTH_BYTES <= length) {
      const end = at + this.#frameBytes(chunk, at)
      if (end > length) break
      sink.frame(chunk, at, end)
      at = end
    }
    if (at < length) this.#keep(chunk, at)
  }

  #frameBytes(bytes: Uint8Array, at: number): number {
    const size = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    if (size + LENGTH_BYTES > this.maxFrameBytes) throw new BrokerError('frame.too_large', { actualBytes: size + LENGTH_BYTES, limitBytes: this.maxFrameBytes })
    if (size === 0) throw new BrokerError('frame.malformed', { problem: 'its length is 0' })
    return size + LENGTH_BYTES
  }

  // Completes the frame that an earlier chunk began; returns how much of `chunk` that took.
  #finish(chunk: Uint8Array, sink: FrameSink): number {
    let at = 0
    if (this.#spilled < LENGTH_BYTES) {
      at = Math.min(LENGTH_BYTES - this.#spilled, chunk.length)
      this.#append(chunk, 0, at)
      if (this.#spilled < LENGTH_BYTES) return at
    }
    const frameBytes = this.#frameBytes(this.#spill!, 0)
    const take = Math.min(frameBytes - this.#spilled, chunk.length - at)
    this.#append(chunk, at, at + take, frameBytes)
    if (this.#spilled === frameBytes) {
      const whole = this.#spill!
      this.#spill = undefined
      this.#spilled = 0
      sink.frame(whole, 0, frameBytes)
    }
    return at + take
  }

  #keep(chunk: Uint8Array, at: number): void {
    // An announced length is checked as soon as it is here, before the rest arrives.
    const frameBytes = chunk.length - at >= LENGTH_BYTES ? this.#frameBytes(chunk, at) : Infinity
    this.#append(chunk, at, chunk.length, frameBytes)
  }

  // Grows by doubling with what was received: an announced length alone reserves nothing.
  #append(chunk: Uint8Array, from: number, to: number, frameBytes = Infinity): void {
    const needed = this.#spilled + to - from
    if (this.#spill === undefined || this.#spill.length < needed) {
      const size = Math.max(needed, Math.min(frameBytes, Math.max(FIRST_SPILL_BYTES, needed * 2)))
      const isShared = frameBytes !== Infinity && frameBytes >= this.#sharedFromBytes
      const grown = isShared ? new Uint8Array(new SharedArrayBuffer(size)) : new Uint8Array(size)
      if (this.#spill !== undefined) grown.set(this.#spill.subarray(0, this.#spilled))
      this.#spill = grown
    }
    this.#spill.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), this.#spilled)
    this.#spilled = needed
  }
}
