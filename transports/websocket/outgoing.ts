// Puts what leaves into WebSocket frames: binary messages of whole native frames, text messages of one line each.
//
//   pieces   [ 540 B ]          [64 KiB]                 "{…}\n{…}\n"
//   out      [h 540 B]          [h][64 KiB]              [h{…}h{…}]
//
// A header in front of a small piece is copied together with it, as a second piece of a write costs more than the copy;
// large pieces stay where they are. The result is shared by all receivers of the same pieces.

import { Slab } from '../../broker/ground/slab.ts'
import type { Wrap } from '../../broker/ground/types.ts'
import { FIN, Opcode, sentHeaderBytes, writeHeader } from './frame-header.ts'

/** Pieces below this are copied behind their header. bytes */
const COPIED_BELOW = 16 * 1024
/** A binary message ends with the piece that takes it here: a receiver may want to hold a message as a whole. bytes */
const MESSAGE_BYTES = 256 * 1024
/** Most small messages that are copied into one piece. bytes */
const MERGED_BYTES = 64 * 1024
const NEWLINE = 0x0a

const slab = new Slab()

/** How links of one kind send. */
export interface Outgoing {
  /** Pieces of whole native frames. */
  readonly binary: Wrap
  /** Pieces of whole lines. */
  readonly text: Wrap
}

/** `maxFrameBytes`: a message with more payload leaves in several frames; 0: never. */
export function outgoing(maxFrameBytes: number): Outgoing {
  const most = maxFrameBytes === 0 ? Infinity : maxFrameBytes
  return { binary: (pieces) => binaryFrames(pieces, most), text: (pieces) => textFrames(pieces, most) }
}

/** One message of `payload`, compressed or not, as frames. */
export function messageFrames(first: number, payload: Uint8Array, maxFrameBytes: number): Uint8Array[] {
  const out: Uint8Array[] = []
  frame(first, [payload], payload.length, maxFrameBytes === 0 ? Infinity : maxFrameBytes, out)
  return out
}

/** A control frame; `payload` has at most 125 bytes. */
export function controlFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 + payload.length)
  bytes.set(payload, writeHeader(bytes, 0, FIN | opcode, payload.length))
  return bytes
}

/** Calls `each` with every line of `piece`, from its first byte to its newline, exclusive. */
export function eachLine(piece: Uint8Array, each: (start: number, end: number) => void): void {
  for (let start = 0; start < piece.length; ) {
    const newline = piece.indexOf(NEWLINE, start)
    const end = newline < 0 ? piece.length : newline
    each(start, end)
    start = end + 1
  }
}

function binaryFrames(pieces: readonly Uint8Array[], most: number): Uint8Array[] {
  const out: Uint8Array[] = []
  const full = Math.min(most, MESSAGE_BYTES)
  for (let i = 0; i < pieces.length; ) {
    // A message holds whole pieces, which hold whole frames; one that is longer than a frame may be is the only one in its message.
    let bytes = pieces[i]!.length
    let next = i + 1
    while (next < pieces.length && bytes + pieces[next]!.length <= full) bytes += pieces[next++]!.length
    frame(Opcode.binary, next === i + 1 ? [pieces[i]!] : pieces.slice(i, next), bytes, most, out)
    i = next
  }
  return out
}

function frame(first: number, pieces: readonly Uint8Array[], bytes: number, most: number, out: Uint8Array[]): void {
  if (bytes > most) return fragments(first, pieces, bytes, most, out)
  const header = sentHeaderBytes(bytes)
  if (bytes >= COPIED_BELOW) {
    const head = slab.take(header)
    writeHeader(head, 0, FIN | first, bytes)
    out.push(head, ...pieces)
    return
  }
  const whole = slab.take(header + bytes)
  let at = writeHeader(whole, 0, FIN | first, bytes)
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  out.push(whole)
}

// Only one piece is ever longer than a frame may be.
function fragments(first: number, [piece]: readonly Uint8Array[], bytes: number, most: number, out: Uint8Array[]): void {
  for (let at = 0; at < bytes; at += most) {
    const end = Math.min(bytes, at + most)
    const head = slab.take(sentHeaderBytes(end - at))
    writeHeader(head, 0, (at === 0 ? first : Opcode.continuation) | (end === bytes ? FIN : 0), end - at)
    out.push(head, piece!.subarray(at, end))
  }
}

// Lines one behind the other, each with its header in front, in as few pieces as may be.
function textFrames(pieces: readonly Uint8Array[], most: number): Uint8Array[] {
  const out: Uint8Array[] = []
  const small: Uint8Array[] = []
  let bytes = 0
  const flush = (): void => {
    if (small.length > 0) out.push(together(small, bytes))
    small.length = bytes = 0
  }
  for (const piece of pieces) {
    eachLine(piece, (start, end) => {
      const line = piece.subarray(start, end)
      const framed = sentHeaderBytes(line.length) + line.length
      if (framed >= COPIED_BELOW || line.length > most) {
        flush()
        frame(Opcode.text, [line], line.length, most, out)
        return
      }
      if (bytes + framed > MERGED_BYTES) flush()
      small.push(line)
      bytes += framed
    })
  }
  flush()
  return out
}

function together(lines: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = slab.take(bytes)
  let at = 0
  for (const line of lines) {
    at = writeHeader(whole, at, FIN | Opcode.text, line.length)
    whole.set(line, at)
    at += line.length
  }
  return whole
}
