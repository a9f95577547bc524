// Receivers that get the same bytes, and one write to each of them per turn. Knows nothing of frames.

import type { Writable } from 'node:stream'
import { Slab } from './slab.ts'

/** Pieces smaller than this on average are cheaper to copy into one buffer than to name one by one in a writev. */
const MERGE_BELOW_BYTES = 8 * 1024
/** From here on one copy that all receivers share is cheaper than a writev of several pieces for each. */
const SHARE_FROM_RECEIVERS = 4
const SLAB_BYTES = 1024 * 1024

/** What of a socket is used here. */
export type Receiver = Pick<Writable, 'cork' | 'uncork' | 'write' | 'writableLength'>

/** Everybody who receives one subject, or the single receiver of answers. */
export class Lane {
  readonly receivers: Receiver[] = []
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
  readonly #dirty: Lane[] = []
  readonly #slab = new Slab(SLAB_BYTES)

  append(lane: Lane, piece: Uint8Array): void {
    if (lane.pieces.length === 0) {
      if (this.#dirty.length === 0) setImmediate(this.#flush)
      this.#dirty.push(lane)
    }
    lane.pieces.push(piece)
    lane.pendingBytes += piece.length
  }

  readonly #flush = (): void => {
    let allTaken = true
    for (const lane of this.#dirty) {
      if (!this.#write(lane)) allTaken = false
      lane.pieces.length = 0
      lane.pendingBytes = 0
    }
    this.#dirty.length = 0
    this.#slab.rewind(allTaken)
  }

  // True when the kernel took everything at once.
  #write(lane: Lane): boolean {
    const { pieces, receivers } = lane
    const isVector = pieces.length > 1 && receivers.length < SHARE_FROM_RECEIVERS && lane.pendingBytes >= pieces.length * MERGE_BELOW_BYTES
    let allTaken = true
    if (isVector) {
      for (const receiver of receivers) {
        receiver.cork()
        for (const piece of pieces) receiver.write(piece)
        receiver.uncork()
      }
      return true
    }
    const whole = pieces.length === 1 ? pieces[0]! : this.#merge(pieces, lane.pendingBytes)
    for (const receiver of receivers) {
      receiver.write(whole)
      if (receiver.writableLength > 0) allTaken = false
    }
    return allTaken
  }

  #merge(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
    const whole = this.#slab.next(bytes)
    let at = 0
    for (const piece of pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }
}
