// Sends NATS clients elsewhere before the broker stops: they are told first, and then ended one after another, so that
// they do not all come to the next server at once.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import type { Notices } from './notices.ts'

/** Nobody is ended in this share of the time: other servers may be about to leave as well, and are known by then. */
const GRACE_SHARE = 0.1
/** Longest and shortest time between two steps. ms */
const LONGEST_STEP_MS = 1000
const SHORTEST_STEP_MS = 10

export class LameDuck {
  readonly #core: Core
  readonly #notices: Notices
  readonly #deadline = new Deadline(() => this.#step())
  readonly #done = Promise.withResolvers<void>()
  #waiting: Connection[] = []
  #stepMs = 0
  #perStep = 0
  #isActive = false

  constructor(core: Core, notices: Notices) {
    this.#core = core
    this.#notices = notices
  }

  /** No NATS client is let in any more. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** Tells all, and ends them within `durationMs`; 0: whoever stops the broker ends them. Resolves when none is left. */
  begin(durationMs: number): Promise<void> {
    if (this.#isActive) return this.#done.promise
    this.#isActive = true
    this.#waiting = [...this.#core.directory.all()].filter(({ link }) => link.protocol === 'nats')
    for (const connection of this.#waiting) this.#notices.tell(connection, true)
    const { length } = this.#waiting
    if (durationMs === 0 || length === 0) this.#done.resolve()
    else {
      const graceMs = durationMs * GRACE_SHARE
      const spanMs = durationMs - graceMs
      this.#stepMs = Math.min(LONGEST_STEP_MS, Math.max(SHORTEST_STEP_MS, spanMs / length))
      this.#perStep = Math.ceil((length * this.#stepMs) / spanMs)
      this.#core.deadlines.set(this.#deadline, graceMs)
    }
    return this.#done.promise
  }

  /** The time is over now: who is left is ended by whoever stops the broker. */
  cutShort(): void {
    this.#core.deadlines.cancel(this.#deadline)
    this.#done.resolve()
  }

  #step(): void {
    for (let ended = 0; ended < this.#perStep; ) {
      const connection = this.#waiting.pop()
      if (connection === undefined) return this.#done.resolve()
      // Who went by himself takes nobody's turn.
      if (connection.isEnding) continue
      this.#core.end(connection, new BrokerError('connection.draining'))
      ended++
    }
    if (this.#waiting.length === 0) this.#done.resolve()
    else this.#core.deadlines.set(this.#deadline, this.#stepMs)
  }
}
