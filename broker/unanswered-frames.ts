// Frames of clients whose answer waits for somebody else, a store or other brokers: who waits, for the moment in which another process takes over.

import type { Connection } from './connection.ts'

export interface UnansweredFrame {
  readonly connection: Connection
  /** Id of the frame. */
  readonly ref: number
}

export class UnansweredFrames {
  readonly #open = new Set<UnansweredFrame>()

  /** A frame came that is answered later; call what is returned when it is. */
  add(connection: Connection, ref: number): () => void {
    const frame = { connection, ref }
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
