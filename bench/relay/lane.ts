// Receivers that get the same bytes, and one write to each of them per turn. Knows nothing of frames.

import { Loan } from '../../broker/delivery/loan.ts'
import { FIN, Opcode, sentHeaderBytes, writeHeader } from '../../transports/websocket/frame-header.ts'
import type { Port } from './port.ts'
import { Slab } from './slab.ts'

/** Pieces smaller than this on average are cheaper to copy into one buffer than to name one by one in a writev. */
const MERGE_BELOW_BYTES = 8 * 1024
/** From here on one copy that all receivers share is cheaper than a writev of several pieces for each. */
const SHARE_FROM_RECEIVERS = 4
const SLAB_BYTES = 1024 * 1024

/** Everybody who receives one subject, or the single receiver of answers. */
export class Lane {
  readonly ports: Port[] = []
  readonly pieces: Uint8Array[] = []
  pendingBytes = 0
}

/**
 * Writes what was appended in this turn of the event loop, in one go per receiver.
 *
 *   few large pieces, few receivers   writev
 *   many small pieces                 one merged buffer
 *   many receivers                    one merged buffer that all share
 *
 * Nothing is refused here: the load's window bounds what can wait.
 */
export class Outbound {
  /** What leaves stands in a WebSocket message: one header for what one receiver gets in one turn. */
  readonly #isWebSocket: boolean
  readonly #dirty: Lane[] = []
  #read: Uint8Array[] = []
  readonly #slab = new Slab(SLAB_BYTES)

  constructor(isWebSocket = false) {
    this.#isWebSocket = isWebSocket
  }

  append(lane: Lane, piece: Uint8Array): void {
    if (lane.pieces.length === 0) {
      if (this.#dirty.length === 0) setImmediate(this.#flush)
      this.#dirty.push(lane)
    }
    lane.pieces.push(piece)
    lane.pendingBytes += piece.length
  }

  /** A chunk all of whose pieces are appended. Its memory is given back when they are written: the collector would cost a third of the rate. */
  lend(chunk: Uint8Array): void {
    if (this.#dirty.length > 0 && chunk.byteLength === chunk.buffer.byteLength) this.#read.push(chunk)
  }

  readonly #flush = (): void => {
    const loan = new Loan(this.#read)
    this.#read = []
    for (const lane of this.#dirty) {
      const pieces = this.#pack(lane)
      for (const port of lane.ports) port.write(pieces, loan)
      lane.pieces.length = 0
      lane.pendingBytes = 0
    }
    this.#dirty.length = 0
    this.#slab.rewind(!loan.isShared)
    loan.release()
  }

  #pack({ pieces, ports, pendingBytes }: Lane): readonly Uint8Array[] {
    const isLarge = pendingBytes >= pieces.length * MERGE_BELOW_BYTES
    if (!this.#isWebSocket) {
      const isVector = pieces.length > 1 && ports.length < SHARE_FROM_RECEIVERS && isLarge
      return isVector ? pieces.slice() : [pieces.length === 1 ? pieces[0]! : this.#merge(pieces, pendingBytes, 0)]
    }
    const headBytes = sentHeaderBytes(pendingBytes)
    if (ports.length < SHARE_FROM_RECEIVERS && isLarge) return [this.#merge([], pendingBytes, headBytes), ...pieces]
    return [this.#merge(pieces, pendingBytes, headBytes)]
  }

  // A header of `headBytes` for `bytes` payload, and the pieces behind it.
  #merge(pieces: readonly Uint8Array[], bytes: number, headBytes: number): Uint8Array {
    const whole = this.#slab.next(headBytes + (pieces.length === 0 ? 0 : bytes))
    let at = headBytes === 0 ? 0 : writeHeader(whole, 0, FIN | Opcode.binary, bytes)
    for (const piece of pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }
}
