// Frames that carry the moment at which they were due, and the reader that takes it out again.

import { PUBLISH_OVERHEAD, Kind, LENGTH_BYTES, Offset } from '../../broker/wire/layout.ts'
import { callboardDialect } from '../load/callboard-dialect.ts'
import { Chunk } from '../load/chunk.ts'
import { patternBytes } from '../load/payload.ts'
import { SUBJECT } from './job.ts'

const STAMP_BYTES = 4
/** Without headers the payload follows the fixed fields and the subject. */
const PAYLOAD_AT = PUBLISH_OVERHEAD + SUBJECT.length

/** `burst` messages that are due together. */
export class Burst {
  readonly #stamp = Buffer.alloc(STAMP_BYTES)
  #chunk: Chunk

  /** `payloadBytes`: 4 and more. */
  constructor(burst: number, payloadBytes: number, framing: 'bare' | 'together') {
    const { bytes, numbering } = callboardDialect.publish(SUBJECT, patternBytes(payloadBytes))
    this.#chunk = new Chunk(Array<Uint8Array>(burst).fill(bytes), numbering, framing)
  }

  /** The bytes to write, under ids from `firstId` on, due at `dueMicros` (below 2^32). They change with the next call. */
  encode(firstId: number, dueMicros: number): Uint8Array {
    this.#stamp.writeUInt32BE(dueMicros)
    this.#chunk.renumber(firstId)
    for (let i = 0; i < this.#chunk.messages; i++) this.#chunk.patch(i, PAYLOAD_AT, this.#stamp, 0, STAMP_BYTES)
    return this.#chunk.bytes
  }

  /** The kernel did not take all of the last bytes: they stay as they are. */
  renew(): void {
    this.#chunk = this.#chunk.copy()
  }
}

/** Told of each message, once and in order. */
export type OnStamp = (dueMicros: number) => void

/**
 * Reads messages of one length without making anything of each. What is no message of that length, and an id that is not
 * the next one, is a problem; nothing is read behind it.
 */
export class StampReader {
  /** Messages read. */
  messages = 0
  problem: string | undefined
  readonly #frameBytes: number
  readonly #onStamp: OnStamp
  readonly #rest: Uint8Array
  #restBytes = 0
  #lastId = -1

  constructor(payloadBytes: number, onStamp: OnStamp) {
    this.#frameBytes = PAYLOAD_AT + payloadBytes
    this.#onStamp = onStamp
    this.#rest = new Uint8Array(this.#frameBytes)
  }

  receive(bytes: Uint8Array): void {
    const frameBytes = this.#frameBytes
    let at = 0
    if (this.#restBytes > 0) {
      at = Math.min(frameBytes - this.#restBytes, bytes.length)
      this.#rest.set(bytes.subarray(0, at), this.#restBytes)
      this.#restBytes += at
      if (this.#restBytes < frameBytes) return
      this.#restBytes = 0
      this.#read(this.#rest, 0)
    }
    for (; at + frameBytes <= bytes.length; at += frameBytes) this.#read(bytes, at)
    if (at < bytes.length) {
      this.#rest.set(bytes.subarray(at))
      this.#restBytes = bytes.length - at
    }
  }

  #read(bytes: Uint8Array, at: number): void {
    if (this.problem !== undefined) return
    const id = getUint32(bytes, at + Offset.id + 4)
    if (getUint32(bytes, at) !== this.#frameBytes - LENGTH_BYTES || bytes[at + Offset.kind] !== Kind.publish) this.problem = `a frame of kind ${bytes[at + Offset.kind]} came where a message was due`
    else if (this.#lastId >= 0 && id !== this.#lastId + 1) this.problem = `message ${id} came behind ${this.#lastId}`
    this.#lastId = id
    this.messages++
    this.#onStamp(getUint32(bytes, at + PAYLOAD_AT))
  }
}

function getUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
