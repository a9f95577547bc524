// Pre-encoded messages that are written again and again under new numbers. Knows neither dialect nor socket.

import { mask, maskedHead } from './masking.ts'

/** Where and how a dialect writes a message's number. */
export interface Numbering {
  /** Offset of the number from the message's first byte. */
  readonly numberAt: number
  /** How many bytes it takes. */
  readonly numberBytes: number
  /** Writes 0..2^32-1 over the number that stands there. */
  put(bytes: Uint8Array, at: number, value: number): void
}

/**
 * How messages stand in the chunk:
 *
 *   bare      message message message
 *   each      head message head message head message     a masked WebSocket frame each
 *   together  head message message message               one masked WebSocket frame, to be written whole
 */
export type Framing = 'bare' | 'each' | 'together'

/** Messages of one length, so that the number of each stands at a fixed stride. */
export class Chunk {
  readonly bytes: Uint8Array
  readonly messages: number
  readonly framing: Framing
  readonly #numbering: Numbering
  readonly #messageBytes: number
  readonly #strideBytes: number
  /** Where the first message begins. */
  readonly #firstAt: number

  /**
   * `messages`: one or more encoded messages of equal length.
   * @throws Error when their lengths differ
   */
  constructor(messages: readonly Uint8Array[], numbering: Numbering, framing: Framing = 'bare') {
    const messageBytes = messages[0]?.length ?? 0
    if (messages.some(message => message.length !== messageBytes)) throw new Error('the messages of a chunk must have one length; give all subjects the same length')
    const head = framing === 'bare' ? Buffer.alloc(0) : maskedHead(framing === 'each' ? messageBytes : messageBytes * messages.length)
    this.messages = messages.length
    this.framing = framing
    this.#numbering = numbering
    this.#messageBytes = messageBytes
    this.#strideBytes = framing === 'each' ? head.length + messageBytes : messageBytes
    this.#firstAt = head.length
    this.bytes = Buffer.concat(framing === 'each' ? messages.flatMap(message => [head, message]) : [head, ...messages])
    if (framing !== 'bare') for (let i = 0; i < messages.length; i++) mask(this.bytes, this.#at(i), messageBytes, this.#maskedFrom(i))
  }

  /** Gives the first `count` messages the numbers `first`, `first + 1`, … Only while no write holds the bytes. */
  renumber(first: number, count = this.messages): void {
    const { bytes } = this
    const { numberAt, numberBytes } = this.#numbering
    const isMasked = this.framing !== 'bare'
    for (let i = 0, at = this.#firstAt + numberAt; i < count; i++, at += this.#strideBytes) {
      this.#numbering.put(bytes, at, first + i)
      if (isMasked) mask(bytes, at, numberBytes, this.#maskedFrom(i) + numberAt)
    }
  }

  /** Writes `count` bytes of `source` from `from` on over those of message `index` from `to` on. */
  patch(index: number, to: number, source: Uint8Array, from: number, count: number): void {
    const { bytes } = this
    const at = this.#at(index) + to
    for (let i = 0; i < count; i++) bytes[at + i] = source[from + i]!
    if (this.framing !== 'bare') mask(bytes, at, count, this.#maskedFrom(index) + to)
  }

  /** The same messages in other memory, for while a write still holds these. */
  copy(): Chunk {
    return new Chunk(Array.from({ length: this.messages }, (_, i) => this.#message(i)), this.#numbering, this.framing)
  }

  /** The bytes of `count` messages from number `index` of the chunk on, with their frames, as a view; of `together` only all. */
  slice(index: number, count: number): Uint8Array {
    if (this.framing === 'together') return this.bytes
    return this.bytes.subarray(index * this.#strideBytes, (index + count) * this.#strideBytes)
  }

  #at(index: number): number {
    return this.#firstAt + index * this.#strideBytes
  }

  /** Where in its frame's payload a message begins. */
  #maskedFrom(index: number): number {
    return this.framing === 'together' ? index * this.#messageBytes : 0
  }

  #message(index: number): Uint8Array {
    const at = this.#at(index)
    const message = Uint8Array.from(this.bytes.subarray(at, at + this.#messageBytes))
    if (this.framing !== 'bare') mask(message, 0, message.length, this.#maskedFrom(index))
    return message
  }
}

/** How many messages fit `writeBytes`, in whole rounds of `round` messages; at least one round. 0 bytes means one message. */
export function messagesPerWrite(writeBytes: number, messageBytes: number, round: number): number {
  if (writeBytes === 0) return 1
  return Math.max(1, Math.floor(writeBytes / messageBytes / round)) * round
}
