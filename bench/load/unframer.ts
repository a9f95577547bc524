// Takes the payload out of WebSocket frames that a server sends, without a copy. Trusts the server: it checks nothing.

import { Opcode } from './masking.ts'

export interface UnframerSink {
  /** Bytes of binary messages, in order; where messages begin and end is not told. Good until it returns. */
  data(bytes: Uint8Array): void
  /** A whole control frame, in bytes of its own. Text is passed over: binary clients have no use for it. */
  control(opcode: number, payload: Uint8Array): void
}

const LONGEST_HEAD = 10

export class Unframer {
  readonly #sink: UnframerSink
  readonly #head = new Uint8Array(LONGEST_HEAD)
  #headBytes = 0
  #opcode = 0
  /** Of the message that a continuation continues. */
  #messageOpcode = 0
  #left = 0
  #controlBytes: Uint8Array[] = []

  constructor(sink: UnframerSink) {
    this.#sink = sink
  }

  receive(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#left === 0) {
        at = this.#readHead(bytes, at)
        if (this.#headBytes > 0) return
        if (this.#left > 0) continue
        this.#payload(bytes.subarray(at, at))
      } else {
        const take = Math.min(this.#left, bytes.length - at)
        this.#left -= take
        this.#payload(bytes.subarray(at, at + take))
        at += take
      }
    }
  }

  // Returns where the payload begins; with `#headBytes` above 0 the header goes on in the next read.
  #readHead(bytes: Uint8Array, from: number): number {
    const head = this.#head
    let at = from
    while (at < bytes.length) {
      head[this.#headBytes++] = bytes[at++]!
      if (this.#headBytes < 2) continue
      const short = head[1]! & 0x7f
      const whole = short < 126 ? 2 : short === 126 ? 4 : LONGEST_HEAD
      if (this.#headBytes < whole) continue
      const view = new DataView(head.buffer)
      this.#left = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2))
      this.#opcode = head[0]! & 0x0f
      if (this.#opcode === Opcode.text || this.#opcode === Opcode.binary) this.#messageOpcode = this.#opcode
      this.#headBytes = 0
      break
    }
    return at
  }

  #payload(part: Uint8Array): void {
    if (this.#opcode >= Opcode.close) {
      this.#controlBytes.push(Uint8Array.from(part))
      if (this.#left > 0) return
      const whole = Buffer.concat(this.#controlBytes)
      this.#controlBytes = []
      this.#sink.control(this.#opcode, whole)
    } else if (this.#messageOpcode === Opcode.binary && part.length > 0) this.#sink.data(part)
  }
}
