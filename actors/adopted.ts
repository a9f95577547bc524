// Children that run already when they come: temporary, many, without specs. Knows no strategy.
//
// A child costs its place in one Set (under 50 bytes, measured with 10,000): one exit function serves all of them.

import type { Environment } from './behaviour.ts'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ActorHandle, ExitReason } from '../broker/ground/types.ts'

/** Past this after a kill those that are left are left behind. */
const KILL_LIMIT_MS = 5000

export class AdoptedChildren {
  readonly #environment: Environment
  readonly #shutdownMs: number
  readonly #handles = new Set<ActorHandle>()
  readonly #deadline = new Deadline(() => this.#late())
  #emptied = Promise.withResolvers<void>()
  #isKilled = false

  constructor(environment: Environment, shutdownMs: number) {
    this.#environment = environment
    this.#shutdownMs = shutdownMs
  }

  get size(): number {
    return this.#handles.size
  }

  values(): Iterable<ActorHandle> {
    return this.#handles
  }

  add(handle: ActorHandle): void {
    handle.onExit = this.#exited
    this.#handles.add(handle)
  }

  /** Asks all at once, since none depends on another; kills the rest when the time is up. */
  async stopAll(): Promise<void> {
    if (this.#handles.size > 0) {
      this.#emptied = Promise.withResolvers()
      if (!this.#isKilled) {
        this.#environment.deadlines.set(this.#deadline, this.#shutdownMs)
        for (const handle of this.#handles) handle.stop()
      }
      if (this.#handles.size > 0) await this.#emptied.promise
    }
    this.#environment.deadlines.cancel(this.#deadline)
    this.#isKilled = false
  }

  killAll(): void {
    if (this.#handles.size === 0) return
    this.#isKilled = true
    this.#environment.deadlines.set(this.#deadline, KILL_LIMIT_MS)
    for (const handle of this.#handles) handle.kill()
  }

  readonly #exited = (reason: ExitReason, handle: ActorHandle): void => {
    if (!this.#handles.delete(handle)) return
    // What has a code of its own was ended, and logged, by the broker: a refused client is nothing to warn of, and might fill the log.
    if (reason.kind === 'crash' && BrokerError.from(reason.error).code === 'internal.error') this.#environment.log.warn({ child: handle.id, error: reason.error }, 'child crashed')
    if (this.#handles.size === 0) this.#emptied.resolve()
  }

  #late(): void {
    if (!this.#isKilled) {
      this.#environment.log.warn({ children: this.#handles.size, limitMs: this.#shutdownMs }, 'children did not stop in time and are killed')
      this.killAll()
      return
    }
    this.#environment.log.error({ children: this.#handles.size }, 'children did not end when they were killed and are left behind')
    this.#handles.clear()
    this.#emptied.resolve()
  }
}
