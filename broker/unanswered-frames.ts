// Frames of clients whose answer waits for somebody else, a store or other brokers: who waits, for the moment in which another process takes over.

import type { Connection } from './connection.ts'

/**
 * What a client hears of such a frame in another process: that it is not known what became of it; that it is done, as with a
 * subscription, which goes along; nothing, as it says all of it anew there.
 */
export type MovedFate = 'unknown' | 'done' | 'anew'

export interface UnansweredFrame {
  readonly connection: Connection
  /** Id of the frame. */
  readonly ref: number
  readonly fate: MovedFate
  /** Which its answer names; undefined: it is of none. */
  readonly subscription?: number | undefined
}

export class UnansweredFrames {
  readonly #open = new Set<UnansweredFrame>()

  /** A frame came that is answered later; call what is returned when it is. */
  add(connection: Connection, ref: number, fate: MovedFate = 'unknown', subscription?: number): () => void {
    const frame = { connection, ref, fate, subscription }
    this.#open.add(frame)
    return () => this.#open.delete(frame)
  }

  get size(): number {
    return this.#open.size
  }

  [Symbol.iterator](): IterableIterator<UnansweredFrame> {
    return this.#open.values()
  }
}
