// One publisher and everybody who receives from it, kept busy by a sliding window.

import type { Chunk } from './chunk.ts'
import type { Line } from './line.ts'

export interface FlowOptions {
  readonly publisher: Line
  readonly chunk: Chunk
  readonly firstNumber: number
  /** How many receivers get each message. */
  readonly fanout: number
  /** Length of one message at a receiver. bytes */
  readonly deliveredBytes: number
  /** Messages that may be under way. */
  readonly windowMessages: number
  /** Called once, when everything sent has arrived after the flow stopped. */
  readonly onSettled: () => void
}

/**
 * Writes its chunk again and again while fewer than a window of messages are under way.
 * Receipts are receivers' bytes: no parsing, no acknowledgement on the wire.
 */
export class Flow {
  readonly #options: FlowOptions
  readonly #windowBytes: number
  #nextNumber: number
  #lastNumber = Infinity
  #sentBytes = 0
  #receivedBytes = 0
  #isStopped = true
  #isSettled = false

  constructor(options: FlowOptions) {
    this.#options = options
    this.#nextNumber = options.firstNumber
    this.#windowBytes = Math.max(options.windowMessages, options.chunk.messages) * options.fanout * options.deliveredBytes
  }

  start(limit = Infinity): void {
    this.#lastNumber = this.#nextNumber + limit
    this.#isStopped = false
    this.#pump()
  }

  stop(): void {
    this.#isStopped = true
    this.#settleIfDone()
  }

  /** Bytes that its receivers got so far. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Bytes that its receivers have still to get. */
  get missingBytes(): number {
    return this.#sentBytes - this.#receivedBytes
  }

  /** One of its receivers got so many bytes. */
  received(bytes: number): void {
    this.#receivedBytes += bytes
    if (this.#isStopped) this.#settleIfDone()
    else this.#pump()
  }

  readonly #pump = (): void => {
    const { publisher, chunk, fanout, deliveredBytes } = this.#options
    const step = chunk.messages * fanout * deliveredBytes
    // The chunk is one memory: it is written again only when the kernel has taken all of it.
    while (!this.#isStopped && this.missingBytes + step <= this.#windowBytes && publisher.socket.writableLength === 0) {
      chunk.renumber(this.#nextNumber)
      this.#nextNumber += chunk.messages
      this.#sentBytes += step
      if (this.#nextNumber >= this.#lastNumber) this.#isStopped = true
      publisher.socket.write(chunk.bytes, this.#pump)
    }
  }

  #settleIfDone(): void {
    if (this.#isSettled || this.missingBytes > 0) return
    this.#isSettled = true
    this.#options.onSettled()
  }
}
