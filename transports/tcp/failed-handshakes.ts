// Writes TLS handshakes that failed into the log: the first ten of a minute with what was wrong, the rest as a count. Who sends
// garbage needs no credential, and must not fill it.

import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import type { Log } from '../../broker/ground/types.ts'

/** Written one by one in a minute. */
const SINGLY = 10
const PERIOD_MS = 60_000

export class FailedHandshakes {
  readonly #log: Log
  readonly #deadlines: Deadlines
  readonly #periodEnd = new Deadline(() => this.#tell())
  #count = 0

  constructor(log: Log, deadlines: Deadlines) {
    this.#log = log
    this.#deadlines = deadlines
  }

  add(problem: string): void {
    if (++this.#count <= SINGLY) this.#log.info({ problem }, 'a TLS handshake failed')
    if (!this.#periodEnd.isSet) this.#deadlines.set(this.#periodEnd, PERIOD_MS)
  }

  #tell(): void {
    const count = this.#count - SINGLY
    this.#count = 0
    if (count > 0) this.#log.warn({ count }, `${count} more TLS handshakes failed within a minute`)
  }
}
