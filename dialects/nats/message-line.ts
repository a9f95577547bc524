// One message as a subscription gets it: its line, perhaps a header block, its payload.
//
//   MSG a.b 7 [reply ]5\r\nhello\r\n        HMSG a.b 7 [reply ]22 27\r\nNATS/1.0\r\nA: b\r\n\r\nhello\r\n

import { copyInto } from './copy-into.ts'

export interface MessageParts {
  readonly subject: Uint8Array
  /** Where answers go; undefined: none are asked for. */
  readonly replyTo: string | undefined
  /** The whole block; undefined: MSG. */
  readonly headers: Uint8Array | undefined
  readonly payload: Uint8Array
}

/** Where bytes come from: buffers of exactly so many that nobody else has. */
export interface Memory {
  take(bytes: number): Uint8Array
}

const NOTHING = new Uint8Array(0)
const MSG = Buffer.from('MSG ')
const HMSG = Buffer.from('HMSG ')
const SPACE = Buffer.from(' ')
const CRLF = Buffer.from('\r\n')

/** Messages one behind the other, in bytes out of `memory`. */
export function writeMessages(messages: readonly MessageParts[], sid: Uint8Array, memory: Memory): Uint8Array {
  const pieces: Uint8Array[] = []
  let total = 0
  const add = (piece: Uint8Array): void => {
    pieces.push(piece)
    total += piece.length
  }
  for (const { subject, replyTo, headers, payload } of messages) {
    const sizes = headers === undefined ? `${payload.length}` : `${headers.length} ${headers.length + payload.length}`
    add(headers === undefined ? MSG : HMSG)
    add(subject)
    add(SPACE)
    add(sid)
    // A reply subject may be any text without white space.
    add(Buffer.from(replyTo === undefined ? ` ${sizes}\r\n` : ` ${replyTo} ${sizes}\r\n`))
    add(headers ?? NOTHING)
    add(payload)
    add(CRLF)
  }
  const out = memory.take(total)
  let at = 0
  for (const piece of pieces) {
    copyInto(out, at, piece, 0, piece.length)
    at += piece.length
  }
  return out
}
