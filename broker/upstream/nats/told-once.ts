// Tells the log of each thing once: a server may say the same for every message.

import type { Log } from '../../ground/types.ts'

/** Past it nothing more is told. */
const MAX_TOLD = 100

export class ToldOnce {
  readonly #log: Log
  readonly #told = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  tell(text: string): void {
    if (this.#told.has(text) || this.#told.size >= MAX_TOLD) return
    this.#told.add(text)
    this.#log.warn({}, text)
  }
}
