// Pre-encoded messages that are written again and again under new numbers. Knows neither dialect nor socket.

/** Where and how a dialect writes a message's number. */
export interface Numbering {
  /** Offset of the number from the message's first byte. */
  readonly numberAt: number
  /** Writes 0..2^32-1 over the number that stands there; always the same count of bytes. */
  put(bytes: Uint8Array, at: number, value: number): void
}

/** Messages of one length back to back, so that the number of each stands at a fixed stride. */
export class Chunk {
  readonly bytes: Uint8Array
  readonly messages: number
  readonly messageBytes: number
  readonly #numbering: Numbering

  /**
   * `messages`: one or more encoded messages of equal length.
   * @throws Error when their lengths differ
   */
  constructor(messages: readonly Uint8Array[], numbering: Numbering) {
    this.messages = messages.length
    this.messageBytes = messages[0]?.length ?? 0
    if (messages.some(message => message.length !== this.messageBytes)) throw new Error('the messages of a chunk must have one length; give all subjects the same length')
    this.bytes = Buffer.concat(messages)
    this.#numbering = numbering
  }

  /** Gives the first `count` messages the numbers `first`, `first + 1`, … Only while no write holds the bytes. */
  renumber(first: number, count = this.messages): void {
    const { bytes, messageBytes } = this
    const { numberAt } = this.#numbering
    for (let i = 0, at = numberAt; i < count; i++, at += messageBytes) this.#numbering.put(bytes, at, first + i)
  }

  /** The same messages in other memory, for while a write still holds these. */
  copy(): Chunk {
    return new Chunk(Array.from({ length: this.messages }, (_, i) => this.slice(i, 1)), this.#numbering)
  }

  /** The bytes of `count` messages from number `index` of the chunk on, as a view. */
  slice(index: number, count: number): Uint8Array {
    return this.bytes.subarray(index * this.messageBytes, (index + count) * this.messageBytes)
  }
}

/** How many messages fit `writeBytes`, in whole rounds of `round` messages; at least one round. 0 bytes means one message. */
export function messagesPerWrite(writeBytes: number, messageBytes: number, round: number): number {
  if (writeBytes === 0) return 1
  return Math.max(1, Math.floor(writeBytes / messageBytes / round)) * round
}
