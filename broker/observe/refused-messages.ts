// Messages that were refused, for whoever looks for them afterwards. They have no place among the runs: a flood of them
// must not evict what was delivered.

/** Refused for one reason; several consecutive messages may share it. */
export interface RefusedMessage {
  readonly timeMicros: number
  readonly origin: number
  readonly firstId: number
  readonly count: number
  readonly code: string
}

const ENTRIES = 8192

export class RefusedMessages {
  readonly #ring: RefusedMessage[] = []
  #next = 0

  add(refused: RefusedMessage): void {
    this.#ring[this.#next++ % ENTRIES] = refused
  }

  /** Newest first. */
  *all(): Generator<RefusedMessage> {
    for (let i = this.#next - 1; i >= Math.max(0, this.#next - ENTRIES); i--) yield this.#ring[i % ENTRIES]!
  }
}
